/**
 * Keys of the store, one prefix per kind. A name never holds a slash, so a key
 * splits back into its parts.
 */
export const KINDS = [
  'services',
  'pods',
  'overrides',
  'probed',
  'endpointslices',
  'disconnected',
] as const
export type Kind = (typeof KINDS)[number]

/** `pods/default/web-1`; for `disconnected`, the lease: `disconnected/7f3a`. */
export const keyOf = (kind: Kind, ...parts: readonly string[]): string => [kind, ...parts].join('/')

export interface ParsedKey {
  readonly kind: Kind
  /** The key after its kind: `default/web-1`, or a lease id. */
  readonly rest: string
}

/** The parts of a key; undefined for a kind this version does not know. */
export const parseKey = (key: string): ParsedKey | undefined => {
  const slash = key.indexOf('/')
  const kind = KINDS.find((k) => k.length === slash && key.startsWith(k))
  return kind && { kind, rest: key.slice(slash + 1) }
}
