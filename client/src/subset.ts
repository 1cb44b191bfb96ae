import { hashText } from './text-hash.ts'

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
  const seed = hashText(client, 0)
  const ranked = items.map((item) => {
    const id = idOf(item)
    return { item, id, score: hashText(id, seed) }
  })
  // Equal scores are told apart, so that the order of the set does not matter.
  ranked.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
  const members = new Set(ranked.slice(0, size).map(({ item }) => item))
  return items.filter((item) => members.has(item))
}
