import { isIP } from 'node:net'
import { type BalancedService, bySeniority, ingressIPs } from '../balanced-service.ts'
import type { Ensured, LoadBalancerProvider } from '../provider.ts'
import type { AddressPool } from './address-pool.ts'
import type { Announcer } from './announcer.ts'

/** An address for one IP family, or why there is none. */
type Allocation = { readonly ip: string } | { readonly problem: string }

/**
 * Gives each service addresses of its own out of a pool; the proxy of every agent
 * carries their traffic. What the status says is the record of what is given out, so
 * agents that share a pool need no leader: each computes the same, the registry takes
 * the first write at a revision, and of two services that came to one address the
 * older keeps it.
 */
export class PoolProvider implements LoadBalancerProvider {
  readonly name = 'pool'
  readonly loadBalancerClass = 'roster.dev/pool'
  readonly #pool: AddressPool
  readonly #announcer: Announcer | undefined
  readonly #services = new Map<string, BalancedService>()
  /** What was given to a service since its status last changed. */
  readonly #given = new Map<string, readonly string[]>()

  constructor(pool: AddressPool, announcer?: Announcer) {
    this.#pool = pool
    this.#announcer = announcer
  }

  async sync(services: readonly BalancedService[]): Promise<void> {
    for (const service of services) this.#services.set(service.name, service)
    this.#announce()
  }

  async ensure(service: BalancedService): Promise<Ensured> {
    if (this.#services.get(service.name)?.definition !== service.definition) {
      this.#services.set(service.name, service)
      this.#given.delete(service.name)
    }
    const allocations = familiesOf(service).map((family) => this.#allocate(service, family))
    const ips = allocations.flatMap((allocation) => ('ip' in allocation ? allocation.ip : []))
    this.#given.set(service.name, ips)
    this.#announce()
    const problems = allocations.flatMap((one) => ('problem' in one ? one.problem : []))
    return {
      ingress: ips.map((ip) => ({ ip, hostname: '', ipMode: 'VIP' })),
      ...(problems.length > 0 && { problem: problems.join('; ') }),
    }
  }

  // The proxy follows the endpoints by itself.
  async updateBackends(): Promise<void> {}

  async ensureDeleted(name: string): Promise<void> {
    this.#services.delete(name)
    this.#given.delete(name)
    this.#announce()
  }

  health(): string | undefined {
    return this.#announcer?.failure
  }

  async close(): Promise<void> {
    await this.#announcer?.close()
  }

  #allocate(service: BalancedService, family: 4 | 6): Allocation {
    const { name, spec } = service
    const requested = spec.loadBalancerIp
    if (isIP(requested) === family) return this.#requested(service, requested)
    const own = this.#addressesOf(service).filter((ip) => isIP(ip) === family)
    const kept = own.find((ip) => !this.#pool.has(ip) || !this.#elder(service, ip))
    if (kept !== undefined) return { ip: kept }
    const taken = new Set(this.#others(service).flatMap((other) => this.#addressesOf(other)))
    const ip = this.#pool.choose(name, family, (address) => taken.has(address))
    return ip === undefined
      ? { problem: `no IPv${family} address is free in pool ${this.#pool}: make it larger` }
      : { ip }
  }

  #requested(service: BalancedService, ip: string): Allocation {
    if (!this.#pool.has(ip)) {
      return { problem: `spec.loadBalancerIP ${ip} is not in pool ${this.#pool}` }
    }
    const holder = this.#elder(service, ip)
    return holder ? { problem: `spec.loadBalancerIP ${ip} belongs to ${holder.name}` } : { ip }
  }

  /** Who has the address rather than the service. */
  #elder(service: BalancedService, ip: string): BalancedService | undefined {
    const hasIt = this.#addressesOf(service).includes(ip)
    return this.#others(service).find(
      (other) =>
        this.#addressesOf(other).includes(ip) && (!hasIt || bySeniority(other, service) < 0),
    )
  }

  #others(service: BalancedService): readonly BalancedService[] {
    return [...this.#services.values()].filter(({ name }) => name !== service.name)
  }

  #addressesOf(service: BalancedService): readonly string[] {
    const given = this.#given.get(service.name)
    return given ?? [...ingressIPs(service, 4), ...ingressIPs(service, 6)]
  }

  #announce(): void {
    const addresses = [...this.#services.values()].flatMap((one) => this.#addressesOf(one))
    this.#announcer?.update(addresses.filter((ip) => this.#pool.has(ip)))
  }
}

function familiesOf({ spec }: BalancedService): readonly (4 | 6)[] {
  return spec.ipFamilies.map((family) => (family === 'IPv6' ? 6 : 4))
}
