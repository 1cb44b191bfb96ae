export type Labels = Readonly<Record<string, string>>

/** Namespace used where none is named. */
export const DEFAULT_NAMESPACE = 'default'

/** What every stored object carries. The stored form is the Kubernetes JSON. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly labels: Labels
  readonly annotations: Labels
  /** RFC 3339, e.g. 2026-01-02T03:04:05.678Z. */
  readonly creationTimestamp: string
}

/** An object as stored, with the revision at which it last changed. */
export interface Stored<T> {
  readonly revision: number
  readonly object: T
}

/** `namespace/name`: how messages and indices name an object of a known kind. */
export const fullName = (meta: { readonly namespace: string; readonly name: string }): string =>
  `${meta.namespace}/${meta.name}`

/** Whether two sets of labels say the same. */
export function sameLabels(a: Labels, b: Labels): boolean {
  let count = 0
  for (const key in a) {
    if (a[key] !== b[key]) return false
    count++
  }
  for (const _ in b) count--
  return count === 0
}
