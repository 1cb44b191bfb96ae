import { candidatesOf, chooseCluster, type Place } from '../../proxy/model/backends.ts'
import { type BalancedService, bySeniority } from '../balanced-service.ts'
import type { Ensured } from '../provider.ts'

/** One port of a service, as HAProxy is to carry it. */
export interface Listener {
  /** Of HAProxy's frontend and backend: `roster.namespace.service.address:port`. */
  readonly name: string
  readonly address: string
  readonly port: number
  /** Networks of the clients let in. Empty: all. */
  readonly sourceRanges: readonly string[]
  /** How long a client keeps its server, in seconds. */
  readonly affinityTimeoutS?: number
  /** By name. */
  readonly servers: readonly Server[]
}

export interface Server {
  /** `address:port`. */
  readonly name: string
  readonly address: string
  readonly port: number
  /** 1 to 256. */
  readonly weight: number
}

/** What HAProxy is to do for all services. */
export interface Plan {
  /** By name. */
  readonly listeners: readonly Listener[]
  /** By `namespace/name` of the service. */
  readonly ensured: ReadonlyMap<string, Ensured>
}

export interface PlanOptions {
  /** Addresses HAProxy may listen at, the preferred first. */
  readonly binds: readonly string[]
  /** Where HAProxy runs, for services that prefer near endpoints. */
  readonly place: Place
  /** `address:port` that cannot be listened at, and why. */
  readonly unusable?: ReadonlyMap<string, string>
}

/** The greatest weight HAProxy knows. */
const MAX_WEIGHT = 256
/** Kubernetes' default for session affinity, in seconds: three hours. */
const AFFINITY_TIMEOUT_S = 10_800

/**
 * Gives each service one address at which all its TCP ports are free. A service keeps
 * the address its status says; where two want the same port, who has it keeps it,
 * then the older gets it.
 */
export function planOf(services: Iterable<BalancedService>, options: PlanOptions): Plan {
  const taken = new Map(options.unusable)
  const listeners: Listener[] = []
  const ensured = new Map<string, Ensured>()
  const hasOne = (service: BalancedService) => currentBind(service, options.binds) !== undefined
  const inOrder = [...services].sort(
    (a, b) => Number(hasOne(b)) - Number(hasOne(a)) || bySeniority(a, b),
  )
  for (const service of inOrder) {
    const problem = portProblem(service)
    const place = placeFor(service, options.binds, taken)
    if ('problem' in place) {
      ensured.set(service.name, { ingress: [], problem: place.problem })
      continue
    }
    for (const port of tcpPorts(service)) {
      taken.set(`${place.address}:${port.port}`, `taken by ${service.name}`)
      listeners.push(listenerOf(service, port, place.address, options.place))
    }
    ensured.set(service.name, {
      ingress: [{ ip: place.address, hostname: '', ipMode: 'Proxy' }],
      ...(problem !== undefined && { problem }),
    })
  }
  return { listeners: listeners.sort((a, b) => (a.name < b.name ? -1 : 1)), ensured }
}

type Port = BalancedService['spec']['ports'][number]

const tcpPorts = ({ spec }: BalancedService): readonly Port[] =>
  spec.ports.filter(({ protocol }) => protocol === 'TCP')

function portProblem({ spec }: BalancedService): string | undefined {
  const others = spec.ports.filter(({ protocol }) => protocol !== 'TCP')
  const names = others.map(({ port, protocol }) => `${port}/${protocol}`)
  return names.length > 0 ? `port ${names.join()}: HAProxy carries TCP only` : undefined
}

function placeFor(
  service: BalancedService,
  binds: readonly string[],
  taken: ReadonlyMap<string, string>,
): { readonly address: string } | { readonly problem: string } {
  const ports = tcpPorts(service)
  if (ports.length === 0) return { problem: portProblem(service) ?? 'it has no ports' }
  const requested = service.spec.loadBalancerIp
  if (requested !== '' && !binds.includes(requested)) {
    return { problem: `spec.loadBalancerIP ${requested} is not an address of HAProxy (${binds})` }
  }
  const current = currentBind(service, binds)
  const preferred = current === undefined ? binds : [current, ...binds]
  const problems: string[] = []
  for (const address of requested === '' ? preferred : [requested]) {
    const collision = ports.find(({ port }) => taken.has(`${address}:${port}`))
    if (!collision) return { address }
    const at = `${address}:${collision.port}`
    problems.push(`${at} is ${taken.get(at)}`)
  }
  return { problem: [...new Set(problems)].join('; ') }
}

function currentBind({ ingress }: BalancedService, binds: readonly string[]): string | undefined {
  return ingress.map(({ ip }) => ip).find((ip) => binds.includes(ip))
}

function listenerOf(service: BalancedService, port: Port, address: string, place: Place): Listener {
  const { spec, name } = service
  const timeoutS = spec.sessionAffinityConfig?.clientIp?.timeoutSeconds ?? AFFINITY_TIMEOUT_S
  return {
    name: `roster.${name.replace('/', '.')}.${address}:${port.port}`,
    address,
    port: port.port,
    sourceRanges: spec.loadBalancerSourceRanges.map((range) => range.trim()),
    ...(spec.sessionAffinity === 'ClientIP' && { affinityTimeoutS: timeoutS }),
    servers: serversOf(service, port, place),
  }
}

/**
 * HAProxy stands outside of the nodes and goes to the pods themselves, so that
 * externalTrafficPolicy Local, which saves a hop between nodes, has nothing to save.
 */
function serversOf({ endpoints, spec }: BalancedService, port: Port, place: Place) {
  const family = spec.ipFamilies[0] === 'IPv6' ? 6 : 4
  const candidates = candidatesOf(endpoints, port, family)
  const { backends } = chooseCluster(candidates, spec.trafficDistribution, place)
  const heaviest = Math.max(0, ...backends.map(({ weight }) => weight))
  const scale = heaviest > MAX_WEIGHT ? MAX_WEIGHT / heaviest : 1
  const byName = new Map<string, Server>()
  for (const { address, port: number, weight } of backends) {
    const name = `${address}:${number}`
    const scaled = Math.max(1, Math.round(weight * scale))
    byName.set(name, { name, address, port: number, weight: scaled })
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
