import type { Container } from './engine.ts'
import { registratorWishes } from './registrator.ts'
import { type LabelledService, ServiceLabels } from './service-labels.ts'

/** What the agent asks of a container before it counts as ready. */
export type Readiness =
  | { readonly type: 'tcp'; readonly port: number }
  | { readonly type: 'http'; readonly port: number; readonly path: string }
  | { readonly type: 'none' }

/** What the labels of a container wish. */
export interface ContainerWishes {
  readonly isExposed: boolean
  readonly namespace: string
  /** Host name of its endpoints. Empty: none. */
  readonly hostname: string
  /** Network whose address is the pod's. Absent: the one it was created with. */
  readonly network?: string
  /** In place of an address Docker knows. */
  readonly address?: string
  readonly readiness?: Readiness
  readonly services: ReadonlyMap<string, LabelledService>
  /** The labels that are not wishes. */
  readonly otherLabels: Readonly<Record<string, string>>
  /** What is wrong with the labels, a line for each. */
  readonly problems: readonly string[]
}

const PREFIX = 'roster.'

/** Reads the labels of a container; `isExposedByDefault` is for those that say nothing of it. */
export function readLabels(
  container: Pick<Container, 'Config'>,
  isExposedByDefault: boolean,
): ContainerWishes {
  const reader = new LabelReader()
  for (const [key, value] of Object.entries(container.Config.Labels ?? {})) reader.read(key, value)
  const registrator = registratorWishes(container)
  if (!registrator.isIgnored && !reader.hasServices) {
    for (const { service, port, protocol } of registrator.ports) {
      reader.addPort(service, `${protocol}-${port}`, `${port}/${protocol}`)
    }
  }
  return reader.wishes(registrator.isIgnored ? false : isExposedByDefault)
}

type Setter = (draft: Draft, value: string) => string | undefined

interface Draft {
  isEnabled?: boolean
  namespace?: string
  hostname?: string
  network?: string
  address?: string
  readiness?: Readiness
}

/** The labels apart from those of services. Each answers what is wrong with its value. */
const SETTERS: Readonly<Record<string, Setter>> = {
  enable: (draft, value) => {
    if (value !== 'true' && value !== 'false') return 'must be true or false'
    draft.isEnabled = value === 'true'
    return undefined
  },
  namespace: (draft, value) => {
    draft.namespace = value
    return undefined
  },
  hostname: (draft, value) => {
    draft.hostname = value
    return undefined
  },
  network: (draft, value) => {
    draft.network = value
    return undefined
  },
  address: (draft, value) => {
    draft.address = value
    return undefined
  },
  readiness: (draft, value) => {
    if (value !== 'none') return 'must be none; or use readiness.tcp or readiness.http'
    draft.readiness = { type: 'none' }
    return undefined
  },
  'readiness.tcp': (draft, value) => {
    if (!isPort(value)) return 'must be a port'
    draft.readiness = { type: 'tcp', port: Number(value) }
    return undefined
  },
  'readiness.http': (draft, value) => {
    const [, port = '', path = '/'] = /^(\d+)(\/[\x21-\x7e]*)?$/.exec(value) ?? []
    if (!isPort(port)) return 'must be PORT/PATH'
    draft.readiness = { type: 'http', port: Number(port), path }
    return undefined
  },
}

const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535

/** Collects what labels say, one by one. */
class LabelReader {
  readonly #draft: Draft = {}
  readonly #services = new Map<string, ServiceLabels>()
  readonly #others: Record<string, string> = {}
  readonly #problems: string[] = []

  read(key: string, value: string): void {
    if (!key.startsWith(PREFIX)) {
      if (!key.startsWith('SERVICE_')) this.#others[key] = value
      return
    }
    const problem = this.#readOwn(key.slice(PREFIX.length), value)
    if (problem !== undefined) this.#problems.push(`label ${key}=${value}: ${problem}`)
  }

  get hasServices(): boolean {
    return this.#services.size > 0
  }

  addPort(service: string, name: string, port: string): void {
    this.#serviceOf(service).add(`ports.${name}`, port)
  }

  wishes(isExposedByDefault: boolean): ContainerWishes {
    const { isEnabled, namespace = 'default', hostname = '', ...rest } = this.#draft
    const services = new Map([...this.#services].map(([name, { service }]) => [name, service]))
    return {
      ...rest,
      isExposed: isEnabled ?? isExposedByDefault,
      namespace,
      hostname,
      services,
      otherLabels: this.#others,
      problems: this.#problems,
    }
  }

  #readOwn(path: string, value: string): string | undefined {
    const [, name, field] = /^services\.([^.]+)\.(.+)$/.exec(path) ?? []
    if (name !== undefined && field !== undefined) return this.#serviceOf(name).add(field, value)
    const set = Object.hasOwn(SETTERS, path) ? SETTERS[path] : undefined
    return set ? set(this.#draft, value) : 'there is no such label'
  }

  #serviceOf(name: string): ServiceLabels {
    const known = this.#services.get(name)
    if (known) return known
    const service = new ServiceLabels()
    this.#services.set(name, service)
    return service
  }
}
