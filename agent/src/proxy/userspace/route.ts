import { networkInterfaces } from 'node:os'
import { type Frontend, frontendKey } from '../model/frontend.ts'

/**
 * Added to ports this process may not bind, below 1024 as a rule, until the port is
 * none of the address's own: 80 becomes 10080. Two such ports never meet.
 */
const PORT_OFFSET = 10_000
const LAST_PORT = 65_535

/** One address this process listens at, for a frontend. */
export interface Route {
  /** `protocol/address:port`: unique. */
  readonly key: string
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
  readonly frontend: Frontend
}

/** What this machine lets the proxy listen at. */
export interface Machine {
  readonly ownIPs: ReadonlySet<string>
  /** Where NodePorts are open. */
  readonly nodePortAddresses: readonly string[]
  /** Ports below it are refused with EACCES. */
  readonly firstBindablePort: number
}

/** Every address of every network interface, as of now. */
export function ownIPs(): ReadonlySet<string> {
  const interfaces = Object.values(networkInterfaces())
  return new Set(interfaces.flatMap((addresses) => addresses ?? []).map(({ address }) => address))
}

/**
 * The IPs to listen at for a frontend. Linux takes all of 127.0.0.0/8 for its own, so
 * ClusterIPs and load balancer IPs in it are used as they are, and so is what a network
 * interface has. Other ClusterIPs stand at 127.96.x.y, other load balancer IPs at
 * 127.97.x.y, with their last 16 bits. External IPs of other machines, and IPv6
 * addresses no interface has, are not listened at.
 */
export function realIPs(frontend: Frontend, machine: Machine): readonly string[] {
  const { kind, family, address } = frontend
  if (kind === 'NodePort') {
    return machine.nodePortAddresses.filter((ip) => ip.includes(':') === (family === 6))
  }
  if (address.startsWith('127.') || machine.ownIPs.has(address)) return [address]
  if (kind === 'ExternalIP' || family === 6) return []
  const last16Bits = address.split('.').slice(2).join('.')
  return [`127.${kind === 'ClusterIP' ? 96 : 97}.${last16Bits}`]
}

/** The port to listen at for a frontend: its own, or a higher one where that is forbidden. */
export function realPort(
  frontend: Frontend,
  frontends: ReadonlyMap<string, Frontend>,
  firstBindablePort: number,
): number {
  let port = frontend.port
  if (port >= firstBindablePort) return port
  do port += PORT_OFFSET
  while (frontends.has(frontendKey({ ...frontend, port })) && port + PORT_OFFSET <= LAST_PORT)
  return port
}

/**
 * What to listen at: nothing for a frontend without backends, so that its callers are
 * refused at once, as kube-proxy refuses them. Routes of `before` that are the same
 * stay the same objects.
 */
export function routesOf(
  frontends: ReadonlyMap<string, Frontend>,
  machine: Machine,
  before: ReadonlyMap<string, Route>,
): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>()
  for (const frontend of frontends.values()) {
    const { protocol, backends, insideBackends = [] } = frontend
    if (protocol === 'SCTP' || backends.length + insideBackends.length === 0) continue
    const port = realPort(frontend, frontends, machine.firstBindablePort)
    for (const address of realIPs(frontend, machine)) {
      const key = frontendKey({ protocol, address, port })
      const known = before.get(key)
      if (routes.has(key)) continue
      const isSame = known?.frontend === frontend
      routes.set(key, isSame ? known : { key, protocol, address, port, frontend })
    }
  }
  return routes
}
