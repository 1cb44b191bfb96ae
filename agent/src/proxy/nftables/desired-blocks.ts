import type { EndpointSet } from '@roster/client'
import type { ServiceChange } from '../../service-source.ts'
import type { Place } from '../model/backends.ts'
import { differenceOf } from '../model/difference.ts'
import type { Frontend, HealthCheck } from '../model/frontend.ts'
import { ProxyModel } from '../model/proxy-model.ts'
import { type Block, blockOf } from './block.ts'
import type { UdpFrontend } from './stale-flows.ts'

/**
 * Services taken at once at most: more would keep the event loop, and nft, for longer
 * than others should wait.
 */
const BATCH_SERVICES = 250

/** What has changed since it was taken last. */
export interface BlockChanges {
  /** By key of the frontend; undefined: it is gone. */
  readonly blocks: ReadonlyMap<string, Block | undefined>
  /** UDP frontends that came, changed or went, by key; those that went without backends. */
  readonly udp: ReadonlyMap<string, UdpFrontend>
  /** Not everything was taken. */
  readonly hasMore: boolean
}

/** The blocks all services want, change by change. */
export class DesiredBlocks {
  readonly #model: ProxyModel
  /** Services not taken yet, by `namespace/name`; undefined: it is gone. */
  readonly #pending = new Map<string, EndpointSet | undefined>()
  /** Names of services whose backends see the client's address: externalTrafficPolicy Local. */
  readonly #keeping = new Set<string>()
  /** What the blocks taken last were made of. */
  readonly #taken = new Map<string, Frontend>()

  constructor(place: Place) {
    this.#model = new ProxyModel(place)
  }

  /** Of all services that were taken. */
  get frontends(): ReadonlyMap<string, Frontend> {
    return this.#model.frontends
  }

  /** Of all services that were taken. */
  get healthChecks(): readonly HealthCheck[] {
    return this.#model.healthChecks
  }

  apply({ changed, removed }: ServiceChange): void {
    for (const name of removed) this.#pending.set(name, undefined)
    for (const set of changed) this.#pending.set(`${set.namespace}/${set.service}`, set)
  }

  takeChanges(): BlockChanges {
    this.#takeServices()
    const { added, changed, removed } = differenceOf(this.#taken, this.#model.frontends)
    const blocks = new Map<string, Block | undefined>()
    const udp = new Map<string, UdpFrontend>()
    for (const key of removed) {
      const frontend = this.#taken.get(key)
      if (frontend?.protocol === 'UDP') udp.set(key, { ...frontend, ...NOWHERE })
      this.#taken.delete(key)
      blocks.set(key, undefined)
    }
    for (const frontend of [...added, ...changed]) {
      const keepsClientAddress = this.#keeping.has(nameOf(frontend))
      if (frontend.protocol === 'UDP') udp.set(frontend.key, frontend)
      this.#taken.set(frontend.key, frontend)
      blocks.set(frontend.key, blockOf(frontend, { keepsClientAddress }))
    }
    return { blocks, udp, hasMore: this.#pending.size > 0 }
  }

  #takeServices(): void {
    const sets: EndpointSet[] = []
    const removed: string[] = []
    for (const [name, set] of this.#pending) {
      if (sets.length + removed.length === BATCH_SERVICES) break
      this.#pending.delete(name)
      if (set) sets.push(set)
      else removed.push(name)
      this.#keepClientAddress(name, set?.definition?.spec?.externalTrafficPolicy)
    }
    this.#model.apply({ changed: sets, removed })
  }

  #keepClientAddress(name: string, policy: string | undefined): void {
    if (this.#keeping.has(name) === (policy === 'Local')) return
    if (policy === 'Local') this.#keeping.add(name)
    else this.#keeping.delete(name)
    // Frontends do not show it: those there are count as others than the model's from now on.
    for (const [key, frontend] of this.#taken) {
      if (nameOf(frontend) === name) this.#taken.set(key, { ...frontend })
    }
  }
}

const NOWHERE = { backends: [], insideBackends: [] }

const nameOf = ({ namespace, service }: Frontend): string => `${namespace}/${service}`
