import { IpAllocator, PortAllocator } from './allocation.ts'
import { RegistryError } from './errors.ts'
import type { FieldErrors } from './field-errors.ts'
import { familyOf, parseCidr } from './ip.ts'
import { fullName } from './meta.ts'
import { HEADLESS, type IPFamily, type Service } from './service.ts'
import type { PortDraft, ServiceDraft } from './service-draft.ts'
import { needsHealthCheck, needsNodePorts, wantsNodePorts } from './service-draft.ts'

/** What services are given addresses and node ports out of. */
export interface ClusterRanges {
  /** One or two CIDRs, of different families; the first is the default family. */
  readonly clusterIPs: readonly string[]
  /** Both ends included. */
  readonly nodePorts: { readonly from: number; readonly to: number }
}

/** What services hold of the ranges. */
export interface Holdings {
  readonly addresses: readonly string[]
  readonly ports: readonly number[]
}

const MAX_PORT = 65_535

/** What a service holds of the ranges; a port shared by two protocols once. */
export const holdingsOf = (spec: ServiceDraft): Holdings => ({
  addresses: spec.clusterIPs.filter((ip) => ip !== HEADLESS),
  ports: [...new Set([...nodePortsOf(spec), ...healthCheckPortOf(spec)])],
})

const nodePortsOf = (spec: ServiceDraft): number[] =>
  needsNodePorts(spec) ? spec.ports.map((port) => port.nodePort).filter((port) => port !== 0) : []

const healthCheckPortOf = (spec: ServiceDraft): number[] =>
  needsHealthCheck(spec) && spec.healthCheckNodePort !== 0 ? [spec.healthCheckNodePort] : []

/**
 * Which virtual addresses and node ports are in use. It keeps no record: at
 * start it is told of every stored service. Health check ports are node ports.
 */
export class ServiceAllocator {
  /** The families there are addresses of, the default first. */
  readonly families: readonly IPFamily[]
  readonly #addresses: ReadonlyMap<IPFamily, IpAllocator>
  readonly #ports: PortAllocator

  /** Fails with INVALID when a range is malformed, or two are of one family. */
  constructor(ranges: ClusterRanges) {
    const pools = ranges.clusterIPs.map(addressPool)
    this.#addresses = new Map(pools.map((pool) => [pool.family, pool]))
    this.families = [...this.#addresses.keys()]
    if (pools.length === 0 || this.families.length < pools.length) {
      const given = ranges.clusterIPs.join(', ')
      throw new RegistryError(
        'INVALID',
        `cluster IP ranges (${given}): give one, or one IPv4 and one IPv6 range`,
      )
    }
    const { from, to } = ranges.nodePorts
    if (
      !Number.isInteger(from) ||
      !Number.isInteger(to) ||
      from < 1 ||
      to > MAX_PORT ||
      from > to
    ) {
      const detail = `give two ports of 1 to ${MAX_PORT}, the lower first`
      throw new RegistryError('INVALID', `node port range ${from}-${to}: ${detail}`)
    }
    this.#ports = new PortAllocator(from, to)
  }

  /**
   * Marks what a stored service holds. It refuses nothing, and answers what it
   * met with that should not be: values in use already, or out of range since
   * the ranges were changed.
   */
  restore(service: Service): readonly string[] {
    const { addresses, ports } = holdingsOf(service.spec)
    const name = fullName(service.metadata)
    const ofAddresses = addresses.map((ip) => conflict(name, 'clusterIP', ip, this.#restoreIP(ip)))
    const ofPorts = ports.map((p) => conflict(name, 'nodePort', p, this.#ports.restore(p)))
    return [...ofAddresses, ...ofPorts].flatMap((text) => text ?? [])
  }

  /** Frees what a deleted service held. */
  release(service: Service): void {
    this.free(holdingsOf(service.spec))
  }

  /** Frees these values. */
  free({ addresses, ports }: Holdings): void {
    for (const ip of addresses) this.#poolOf(ip)?.release(ip)
    for (const port of ports) this.#ports.release(port)
  }

  /** Everything in use, for metrics; addresses in canonical text. */
  inUse(): Holdings {
    const addresses = [...this.#addresses.values()].flatMap((pool) => pool.used())
    return { addresses, ports: this.#ports.used() }
  }

  /**
   * Fills in the addresses and ports the draft still needs and reserves those
   * asked for that the old service does not hold already, reporting what cannot
   * be had. `taken` is what was reserved for it; the caller frees it if the draft
   * comes to nothing. Fails with EXHAUSTED, holding nothing, when a range is full.
   */
  reserve(
    draft: ServiceDraft,
    old: ServiceDraft | undefined,
    errors: FieldErrors,
  ): { readonly draft: ServiceDraft; readonly taken: Holdings } {
    const taken = { addresses: [] as string[], ports: [] as number[] }
    try {
      const addressed = this.#reserveAddresses(draft, old, taken.addresses, errors)
      const ported = this.#reserveNodePorts(addressed, old, taken.ports, errors)
      return { draft: this.#reserveHealthCheckPort(ported, old, taken.ports, errors), taken }
    } catch (error) {
      this.free(taken)
      throw error
    }
  }

  #reserveAddresses(
    draft: ServiceDraft,
    old: ServiceDraft | undefined,
    taken: string[],
    errors: FieldErrors,
  ): ServiceDraft {
    if (draft.type === 'ExternalName' || draft.clusterIP === HEADLESS) return draft
    const clusterIPs = draft.ipFamilies.map((family, i) => {
      const ip = draft.clusterIPs[i] ?? this.#nextAddress(family)
      if (old?.clusterIPs.includes(ip)) return ip
      const problem = draft.clusterIPs[i] === undefined ? undefined : this.#poolOf(ip)?.reserve(ip)
      if (problem === undefined) taken.push(ip)
      else {
        const detail = `failed to allocate IP ${ip}: ${problem}`
        errors.invalid('spec.clusterIPs', draft.clusterIPs, detail)
      }
      return ip
    })
    return { ...draft, clusterIP: clusterIPs[0] ?? '', clusterIPs }
  }

  #reserveNodePorts(
    draft: ServiceDraft,
    old: ServiceDraft | undefined,
    taken: number[],
    errors: FieldErrors,
  ): ServiceDraft {
    if (!needsNodePorts(draft)) return draft
    const held = new Set(old ? nodePortsOf(old) : [])
    // Which `port` a reserved number is for: another protocol of that port may share it.
    const portOf = new Map<number, number>()
    draft.ports.forEach(({ nodePort, port }, i) => {
      if (nodePort === 0 || held.has(nodePort) || portOf.get(nodePort) === port) return
      const problem = this.#ports.reserve(nodePort)
      if (problem !== undefined) errors.invalid(`spec.ports[${i}].nodePort`, nodePort, problem)
      else {
        taken.push(nodePort)
        portOf.set(nodePort, port)
      }
    })
    if (!wantsNodePorts(draft)) return draft
    const ports = [...draft.ports]
    ports.forEach((port, i) => {
      if (port.nodePort !== 0) return
      const nodePort = sharedNodePort(port, ports) ?? this.#nextPort('a nodePort', taken)
      ports[i] = { ...port, nodePort }
    })
    return { ...draft, ports }
  }

  #reserveHealthCheckPort(
    draft: ServiceDraft,
    old: ServiceDraft | undefined,
    taken: number[],
    errors: FieldErrors,
  ): ServiceDraft {
    const { healthCheckNodePort: port } = draft
    if (!needsHealthCheck(draft) || (old && healthCheckPortOf(old).includes(port))) return draft
    if (port === 0) {
      return { ...draft, healthCheckNodePort: this.#nextPort('a healthCheckNodePort', taken) }
    }
    const problem = this.#ports.reserve(port)
    if (problem === undefined) taken.push(port)
    else {
      const detail = `failed to allocate requested HealthCheck NodePort ${port}: ${problem}`
      errors.invalid('spec.healthCheckNodePort', port, detail)
    }
    return draft
  }

  #nextAddress(family: string): string {
    const pool = this.#addresses.get(family as IPFamily)
    const ip = pool?.reserveNext()
    if (ip !== undefined) return ip
    throw exhausted('a serviceIP', `${family} addresses (${pool?.range ?? 'no range'})`)
  }

  #nextPort(what: string, taken: number[]): number {
    const port = this.#ports.reserveNext()
    if (port === undefined) throw exhausted(what, `node ports (${this.#ports.range})`)
    taken.push(port)
    return port
  }

  #restoreIP(ip: string): string | undefined {
    const pool = this.#poolOf(ip)
    return pool ? pool.restore(ip) : `${familyOf(ip)} is not configured on this cluster`
  }

  #poolOf(ip: string): IpAllocator | undefined {
    const family = familyOf(ip)
    return family && this.#addresses.get(family)
  }
}

const addressPool = (range: string): IpAllocator => {
  const cidr = parseCidr(range)
  if (cidr) return new IpAllocator(cidr)
  throw new RegistryError('INVALID', `cluster IP range "${range}" is no CIDR, e.g. 10.96.0.0/16`)
}

const conflict = (
  name: string,
  what: string,
  value: string | number,
  problem: string | undefined,
): string | undefined => problem && `${name}: ${what} ${value}: ${problem}`

const exhausted = (what: string, pool: string): RegistryError =>
  new RegistryError(
    'EXHAUSTED',
    `failed to allocate ${what}: range is full: delete services or widen the range of ${pool}`,
  )

/** The nodePort of the same port in another protocol, unless this protocol uses it elsewhere. */
const sharedNodePort = (
  { port, protocol }: PortDraft,
  ports: readonly PortDraft[],
): number | undefined =>
  ports.find(
    (sibling) =>
      sibling.port === port &&
      sibling.nodePort !== 0 &&
      !ports.some((p) => p.protocol === protocol && p.nodePort === sibling.nodePort),
  )?.nodePort
