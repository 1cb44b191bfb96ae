import { isIPv6 } from 'node:net'
import type { EndpointSlice, SlicePort } from './endpoint-slice.ts'
import { DEFAULT_WEIGHT, type Pod, type PodOverride } from './pod.ts'
import { isProven, type Probed } from './probed.ts'
import { hasSelector, type IPFamily, type Protocol, type Service } from './service.ts'

/** One port of an endpoint: the service's port as this pod has it. */
export interface EndpointPort {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
  /** '' when nothing is said. */
  readonly appProtocol: string
}

/** One pod, or one hand-written address, behind a service. */
export interface Endpoint {
  /** `pod/uid`, or the address of a hand-written one. Unique within the set. */
  readonly id: string
  /** Name of the pod; '' for a hand-written endpoint. */
  readonly pod: string
  /** One per IP family of the service, in its order of families. */
  readonly addresses: readonly string[]
  readonly ports: readonly EndpointPort[]
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly hostname: string
  readonly nodeName: string
  readonly zone: string
  readonly weight: number
  /** As of the pod's spec; none for a hand-written endpoint. */
  readonly notIdempotentMethods: readonly string[]
  /** Digest of all the above: FNV-1a, 32 bits. */
  readonly hash: number
}

const NO_METHODS: readonly string[] = []

/** A pod and what others than itself say of it. */
export interface PodFacts {
  readonly pod: Pod
  /** What the operator wants. */
  readonly override: PodOverride | undefined
  /** The stream of its lease broke. */
  readonly disconnected: boolean
  /** What a probe has found, of this life of the pod or of another. */
  readonly probed: Probed | undefined
}

/** Why an endpoint set is empty; the values are those of the wire without their prefix. */
export type EmptyReason =
  | 'NO_SUCH_SERVICE'
  | 'NO_SELECTOR_MATCH'
  | 'SCALED_TO_ZERO'
  | 'LEASES_EXPIRED'
  | 'NO_ADDRESS'
  | 'NO_HAND_WRITTEN_ENDPOINTS'
  | 'EXTERNAL_NAME'

/**
 * The endpoint that a pod chosen by the service's selector makes, or undefined
 * when it makes none: it has ended, or has no address of the service's families.
 * Rules: Kubernetes endpointslice utils.go podToEndpoint, getEndpointPorts,
 * FindPort, ShouldSetHostname; ShouldPodBeInEndpoints.
 */
export function endpointOf(service: Service, facts: PodFacts): Endpoint | undefined {
  const { pod, override } = facts
  const { spec, status } = pod
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return undefined
  if (service.spec.type === 'ExternalName') return undefined
  const addresses = addressesOf(service.spec.ipFamilies, status.podIPs)
  if (addresses.length === 0) return undefined
  const isFit = status.ready && !facts.disconnected && override?.maintenance !== true
  const serving = isFit && isProven(pod, facts.probed)
  const { name, uid } = pod.metadata
  return withHash({
    id: `${name}/${uid}`,
    pod: name,
    addresses,
    ports: portsOf(service, pod),
    ready: service.spec.publishNotReadyAddresses || (serving && !status.terminating),
    serving,
    terminating: status.terminating,
    hostname: spec.subdomain === service.metadata.name ? spec.hostname : '',
    nodeName: spec.nodeName,
    zone: spec.zone,
    weight: override?.weight ?? spec.weight,
    notIdempotentMethods: spec.notIdempotentMethods ?? NO_METHODS,
  })
}

/**
 * The endpoints written by hand for a service without selector: all its slices
 * joined by address, the first by name winning where two say different things.
 */
export function handWrittenEndpointsOf(
  service: Service,
  slices: readonly EndpointSlice[],
): readonly Endpoint[] {
  if (hasSelector(service.spec) || service.spec.type === 'ExternalName') return []
  const byAddress = new Map<string, Endpoint>()
  const inOrder = [...slices].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  for (const slice of inOrder) {
    if (!service.spec.ipFamilies.includes(slice.addressType)) continue
    const ports = slice.ports.filter((port) => isServicePort(service, port)).map(toEndpointPort)
    for (const { addresses, conditions, hostname, nodeName, zone } of slice.endpoints) {
      const address = addresses[0]
      if (address === undefined) continue
      const known = byAddress.get(address)
      if (known !== undefined) {
        const more = ports.filter((port) => !known.ports.some((p) => p.name === port.name))
        byAddress.set(address, withHash({ ...known, ports: [...known.ports, ...more] }))
        continue
      }
      const endpoint = withHash({
        id: address,
        pod: '',
        addresses: [address],
        ports,
        ready: service.spec.publishNotReadyAddresses || conditions.ready,
        serving: conditions.serving,
        terminating: conditions.terminating,
        hostname,
        nodeName,
        zone,
        weight: DEFAULT_WEIGHT,
        notIdempotentMethods: NO_METHODS,
      })
      byAddress.set(address, endpoint)
    }
  }
  return [...byAddress.values()]
}

/**
 * All the endpoints of a service: the controller as one pure function. `pods`
 * are those its selector chooses, `slices` those that name it.
 */
export function endpointsOf(
  service: Service,
  pods: readonly PodFacts[],
  slices: readonly EndpointSlice[],
): readonly Endpoint[] {
  if (!hasSelector(service.spec)) return handWrittenEndpointsOf(service, slices)
  return pods
    .map((facts) => endpointOf(service, facts))
    .filter((endpoint) => endpoint !== undefined)
}

/** Whether two endpoints are the same to everyone who sees them. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.hash === b.hash &&
    a.id === b.id &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.weight === b.weight &&
    a.hostname === b.hostname &&
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => address === b.addresses[i]) &&
    a.ports.length === b.ports.length &&
    a.ports.every((port, i) => samePort(port, b.ports[i])) &&
    a.notIdempotentMethods.length === b.notIdempotentMethods.length &&
    a.notIdempotentMethods.every((method, i) => method === b.notIdempotentMethods[i])
  )
}

function withHash(endpoint: Omit<Endpoint, 'hash'>): Endpoint {
  const { id, addresses, hostname, nodeName, zone, weight, ready, serving, terminating } = endpoint
  const flags = (ready ? 4 : 0) + (serving ? 2 : 0) + (terminating ? 1 : 0)
  let text = `${id}\n${addresses.join()}\n${hostname}\n${nodeName}\n${zone}\n${weight}\n${flags}`
  for (const port of endpoint.ports) {
    text += `\n${port.name} ${port.protocol} ${port.port} ${port.appProtocol}`
  }
  for (const method of endpoint.notIdempotentMethods) text += `\n${method}`
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return { ...endpoint, hash: hash >>> 0 }
}

function addressesOf(families: readonly IPFamily[], podIPs: readonly string[]): readonly string[] {
  const addresses: string[] = []
  for (const family of families) {
    const address = podIPs.find((ip) => isIPv6(ip) === (family === 'IPv6'))
    if (address !== undefined) addresses.push(address)
  }
  return addresses
}

function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  const ports: EndpointPort[] = []
  for (const { name, protocol, appProtocol = '', targetPort } of service.spec.ports) {
    const port =
      typeof targetPort === 'number'
        ? targetPort
        : pod.spec.ports.find((p) => p.name === targetPort && p.protocol === protocol)
            ?.containerPort
    if (port !== undefined) ports.push({ name, protocol, port, appProtocol })
  }
  return ports
}

const isServicePort = (service: Service, port: SlicePort): boolean =>
  service.spec.ports.length === 0 ||
  service.spec.ports.some((p) => p.name === port.name && p.protocol === port.protocol)

const toEndpointPort = ({ name, protocol, port, appProtocol = '' }: SlicePort): EndpointPort => ({
  name,
  protocol,
  port,
  appProtocol,
})

const samePort = (a: EndpointPort, b: EndpointPort | undefined): boolean =>
  b !== undefined &&
  a.name === b.name &&
  a.protocol === b.protocol &&
  a.port === b.port &&
  a.appProtocol === b.appProtocol
