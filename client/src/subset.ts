/** How many endpoints of a service a client connects to, unless it is told otherwise. */
export const DEFAULT_SUBSET_SIZE = 100

export interface SubsetOptions<T> {
  /** Identity of an endpoint, which stays when its address changes. */
  readonly idOf: (item: T) => string
  /** Name of the client, different for each. */
  readonly client: string
  /** How many to keep, at least 1. */
  readonly size: number
}

/**
 * At most `size` of the items, chosen by rendezvous hashing on the client's name
 * (the idea of gRFC A68): each client keeps those with the greatest hashes, so that
 * clients spread evenly, and an endpoint that comes or goes changes at most one
 * member of each client's subset. Keeps the order.
 */
export function subsetOf<T>(
  items: readonly T[],
  { idOf, client, size }: SubsetOptions<T>,
): readonly T[] {
  if (items.length <= size) return items
  const seed = hashText(client, FNV_OFFSET)
  const ranked = items.map((item) => {
    const id = idOf(item)
    return { item, id, score: mix(hashText(id, seed)) }
  })
  // Equal scores are told apart, so that the order of the set does not matter.
  ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
  const members = new Set(ranked.slice(0, size).map(({ item }) => item))
  return items.filter((item) => members.has(item))
}

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** FNV-1a over the text's code units (RFC 9923), going on from another hash. */
function hashText(text: string, from: number): number {
  let hash = from
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  return hash
}

/** Spreads every bit over the whole word: FNV's last characters reach only the low bits. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
