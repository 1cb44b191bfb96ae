import type { Endpoint, EndpointSet } from '@roster/client'

/** What DNS tells of a service. Plain values: it goes from thread to thread. */
export interface DnsService {
  readonly namespace: string
  readonly name: string
  /** Virtual addresses; empty for headless services and aliases. */
  readonly clusterIps: readonly string[]
  /** Host name the service is an alias of; else empty. */
  readonly externalName: string
  readonly ports: readonly DnsPort[]
  /** Those that are ready. */
  readonly endpoints: readonly DnsEndpoint[]
}

export interface DnsPort {
  /** Empty: the only one, without a name. */
  readonly name: string
  readonly protocol: string
  readonly port: number
}

export interface DnsEndpoint {
  /** Empty: it is named by its addresses. */
  readonly hostname: string
  readonly addresses: readonly string[]
  readonly ports: readonly DnsPort[]
  /** It is a pod, not an endpoint written by hand. */
  readonly isPod: boolean
}

/**
 * The port at which a service's port is really reached at its virtual address,
 * where that is another one: a proxy without privileges may have moved it.
 */
export type PortOf = (set: EndpointSet, port: DnsPort) => number

/** What DNS tells of a set; undefined when there is no such service. */
export function dnsServiceOf(
  set: EndpointSet,
  portOf: PortOf = (_, { port }) => port,
): DnsService | undefined {
  const spec = set.definition?.spec
  if (!spec) return undefined
  const isAlias = spec.type === 'ExternalName'
  const ports = spec.ports.map(({ name, protocol, port }) => ({ name, protocol, port }))
  return {
    namespace: set.namespace,
    name: set.service,
    clusterIps: isAlias ? [] : spec.clusterIps.filter((ip) => ip !== '' && ip !== 'None'),
    externalName: isAlias ? spec.externalName : '',
    ports: ports.map((port) => ({ ...port, port: portOf(set, port) })),
    endpoints: isAlias ? [] : set.endpoints.filter(({ ready }) => ready).map(dnsEndpointOf),
  }
}

const dnsEndpointOf = ({ hostname, addresses, ports, pod }: Endpoint): DnsEndpoint => ({
  hostname,
  addresses,
  ports: ports.map(({ name, protocol, port }) => ({ name, protocol, port })),
  isPod: pod !== '',
})
