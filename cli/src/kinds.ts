import { UsageError } from './errors.ts'

/** What can be looked at: stored objects, and the endpoint sets derived from them. */
export type Kind = 'services' | 'pods' | 'endpoints' | 'endpointslices'

/** Names a kind goes by, as for kubectl; the first is what results are printed with. */
const NAMES: Readonly<Record<Kind, readonly string[]>> = {
  services: ['service', 'services', 'svc'],
  pods: ['pod', 'pods', 'po'],
  endpoints: ['endpoints', 'endpoint', 'ep'],
  endpointslices: [
    'endpointslice.discovery.k8s.io',
    'endpointslices.discovery.k8s.io',
    'endpointslice',
    'endpointslices',
    'eps',
  ],
}

const KINDS = Object.keys(NAMES) as readonly Kind[]

/** The kind a word of the command line means. Throws UsageError for one that means none. */
export function parseKind(word: string): Kind {
  const kind = KINDS.find((k) => NAMES[k].includes(word.toLowerCase()))
  if (kind !== undefined) return kind
  throw new UsageError(`there is no kind "${word}": services, pods, endpoints or endpointslices`)
}

/** `service/web`: how results name an object. */
export const printName = (kind: Kind, name: string): string => `${NAMES[kind][0]}/${name}`

/** `service`: how sentences name a kind. */
export const singular = (kind: Kind): string => NAMES[kind][0]?.split('.', 1)[0] ?? kind

/** One or all objects of a kind. */
export interface Target {
  readonly kind: Kind
  /** Absent: all of them. */
  readonly name?: string
}

/**
 * The targets of `svc`, `svc web api` and `svc/web pod/web-1`. Throws UsageError
 * when the two forms are mixed.
 */
export function parseTargets(words: readonly string[]): readonly Target[] {
  const [first = '', ...names] = words
  if (!first.includes('/')) {
    const kind = parseKind(first)
    for (const name of names) refuseSlash(name)
    return names.length === 0 ? [{ kind }] : names.map((name) => ({ kind, name }))
  }
  return words.map((word) => {
    const [kind = '', name = '', ...rest] = word.split('/')
    if (name === '' || rest.length > 0) {
      throw new UsageError(
        `"${word}" is not KIND/NAME: either name all objects so, or the kind once`,
      )
    }
    return { kind: parseKind(kind), name }
  })
}

function refuseSlash(name: string): void {
  if (!name.includes('/')) return
  throw new UsageError(`"${name}" names a kind again: either KIND NAME... or KIND/NAME...`)
}
