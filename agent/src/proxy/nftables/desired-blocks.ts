import type { ServiceChange } from '../../service-source.ts'
import type { Place } from '../model/backends.ts'
import { differenceOf } from '../model/difference.ts'
import type { Frontend, HealthCheck } from '../model/frontend.ts'
import { ProxyModel } from '../model/proxy-model.ts'
import { type Block, blockOf } from './block.ts'
import type { UdpFrontend } from './stale-flows.ts'

/** What has changed since it was taken last. */
export interface BlockChanges {
  /** By key of the frontend; undefined: it is gone. */
  readonly blocks: ReadonlyMap<string, Block | undefined>
  /** UDP frontends that came, changed or went, by key; those that went without backends. */
  readonly udp: ReadonlyMap<string, UdpFrontend>
}

/** The blocks all services want, change by change. */
export class DesiredBlocks {
  readonly #model: ProxyModel
  /** Names of services whose backends see the client's address: externalTrafficPolicy Local. */
  readonly #keeping = new Set<string>()
  /** Names of services that entered or left #keeping since changes were taken last. */
  readonly #flipped = new Set<string>()
  /** What the blocks taken last were made of. */
  readonly #taken = new Map<string, Frontend>()

  constructor(place: Place) {
    this.#model = new ProxyModel(place)
  }

  get frontends(): ReadonlyMap<string, Frontend> {
    return this.#model.frontends
  }

  get healthChecks(): readonly HealthCheck[] {
    return this.#model.healthChecks
  }

  apply(change: ServiceChange): void {
    this.#model.apply(change)
    for (const { namespace, service, definition } of change.changed) {
      const keeps = definition?.spec?.externalTrafficPolicy === 'Local'
      this.#keep(`${namespace}/${service}`, keeps ? 'kept' : 'lost')
    }
    for (const name of change.removed) this.#keep(name, 'lost')
  }

  takeChanges(): BlockChanges {
    const { added, changed, removed } = differenceOf(this.#taken, this.#model.frontends)
    const blocks = new Map<string, Block | undefined>()
    const udp = new Map<string, UdpFrontend>()
    for (const key of removed) {
      const frontend = this.#taken.get(key)
      if (frontend?.protocol === 'UDP') udp.set(key, { ...frontend, ...NOWHERE })
      this.#taken.delete(key)
      blocks.set(key, undefined)
    }
    for (const frontend of [...added, ...changed, ...this.#ofFlipped()]) {
      const keepsClientAddress = this.#keeping.has(nameOf(frontend))
      if (frontend.protocol === 'UDP') udp.set(frontend.key, frontend)
      this.#taken.set(frontend.key, frontend)
      blocks.set(frontend.key, blockOf(frontend, { keepsClientAddress }))
    }
    this.#flipped.clear()
    return { blocks, udp }
  }

  #keep(name: string, state: 'kept' | 'lost'): void {
    const keeps = state === 'kept'
    if (this.#keeping.has(name) === keeps) return
    this.#flipped.add(name)
    if (keeps) this.#keeping.add(name)
    else this.#keeping.delete(name)
  }

  #ofFlipped(): readonly Frontend[] {
    if (this.#flipped.size === 0) return []
    const all = [...this.#model.frontends.values()]
    return all.filter((frontend) => this.#flipped.has(nameOf(frontend)))
  }
}

const NOWHERE = { backends: [], insideBackends: [] }

const nameOf = ({ namespace, service }: Frontend): string => `${namespace}/${service}`
