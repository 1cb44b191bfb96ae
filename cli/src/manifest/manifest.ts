/** A Kubernetes object in its JSON form. */
export type Manifest = Readonly<Record<string, unknown>>

/** T without the members that are undefined. */
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The members that are there. */
export const present = <T extends object>(members: T): Present<T> =>
  Object.fromEntries(Object.entries(members).filter(([, v]) => v !== undefined)) as Present<T>

/** The members that say something: Kubernetes leaves empty texts, lists and maps out of its JSON. */
export const telling = (members: Manifest): Manifest =>
  Object.fromEntries(Object.entries(members).filter(([, v]) => !isEmpty(v)))

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0)
