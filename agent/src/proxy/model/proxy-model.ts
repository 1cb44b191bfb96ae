import { isDeepStrictEqual } from 'node:util'
import type { ServiceChange } from '../../service-source.ts'
import type { Place } from './backends.ts'
import type { Frontend, HealthCheck, ServiceFrontends } from './frontend.ts'
import { frontendsOf } from './frontends-of.ts'

/**
 * The frontends all services want on this node, kept up to date change by change. A
 * frontend that a change leaves as it was stays the same object.
 */
export class ProxyModel {
  readonly #place: Place
  readonly #byService = new Map<string, ServiceFrontends>()
  /** Who asks for a frontend, by its key and then by service. */
  readonly #claims = new Map<string, Map<string, Frontend>>()
  readonly #frontends = new Map<string, Frontend>()

  constructor(place: Place) {
    this.#place = place
  }

  /**
   * By key. Where two services want the same one, the first by `namespace/name` has
   * it: Kubernetes forbids none of them, but only one can get the traffic.
   */
  get frontends(): ReadonlyMap<string, Frontend> {
    return this.#frontends
  }

  /** In no particular order. */
  get healthChecks(): readonly HealthCheck[] {
    return [...this.#byService.values()].flatMap(({ healthCheck }) => healthCheck ?? [])
  }

  apply({ changed, removed }: ServiceChange): void {
    for (const name of removed) this.#replace(name, { frontends: [] })
    for (const set of changed) {
      this.#replace(`${set.namespace}/${set.service}`, frontendsOf(set, this.#place))
    }
  }

  #replace(name: string, now: ServiceFrontends): void {
    const before = this.#byService.get(name)?.frontends ?? []
    const touched = new Set([...before, ...now.frontends].map((frontend) => frontend.key))
    for (const { key } of before) this.#claims.get(key)?.delete(name)
    for (const frontend of now.frontends) {
      const claims = this.#claims.get(frontend.key) ?? new Map<string, Frontend>()
      this.#claims.set(frontend.key, claims.set(name, frontend))
    }
    for (const key of touched) this.#settle(key)
    if (now.frontends.length > 0 || now.healthCheck) this.#byService.set(name, now)
    else this.#byService.delete(name)
  }

  #settle(key: string): void {
    const claims = this.#claims.get(key)
    const first = [...(claims?.keys() ?? [])].sort()[0]
    const winner = first === undefined ? undefined : claims?.get(first)
    if (winner === undefined) {
      this.#claims.delete(key)
      this.#frontends.delete(key)
    } else if (!isDeepStrictEqual(this.#frontends.get(key), winner)) {
      this.#frontends.set(key, winner)
    }
  }
}
