import { isIPv6 } from 'node:net'
import type { Endpoint } from '@roster/client'
import type { Backend, IPFamily, WhyEmpty } from './frontend.ts'

/** Where the proxy runs. */
export interface Place {
  /** Name of this node; empty: no endpoint is local. */
  readonly node: string
  /** Zone of this node; empty: none is preferred. */
  readonly zone: string
}

/** An endpoint that has the port and the address family in question. */
export interface Candidate {
  readonly endpoint: Endpoint
  readonly address: string
  readonly port: number
}

/** The backends that a traffic policy leaves. */
export interface Choice {
  readonly backends: readonly Backend[]
  readonly whyEmpty?: WhyEmpty
}

/** The endpoints that have the port of that name and an address of that family, by id. */
export function candidatesOf(
  endpoints: readonly Endpoint[],
  port: { readonly name: string; readonly protocol: string },
  family: IPFamily,
): readonly Candidate[] {
  return endpoints
    .flatMap((endpoint) => {
      const own = endpoint.ports.find((p) => p.name === port.name && p.protocol === port.protocol)
      const address = endpoint.addresses.find((ip) => isIPv6(ip) === (family === 6))
      return own && address !== undefined ? [{ endpoint, address, port: own.port }] : []
    })
    .sort((a, b) => (a.endpoint.id < b.endpoint.id ? -1 : 1))
}

/**
 * Traffic policy Cluster: the ready endpoints, near ones only where the service
 * prefers them; when none is ready, those that serve while they terminate (KEP-1669).
 * Source: Kubernetes pkg/proxy/topology.go, CategorizeEndpoints.
 */
export function chooseCluster(
  candidates: readonly Candidate[],
  trafficDistribution: string | undefined,
  place: Place,
): Choice {
  const ready = weighted(candidates.filter(isReady))
  const chosen =
    ready.length > 0
      ? near(ready, trafficDistribution, place)
      : weighted(candidates.filter(isServingTerminating))
  return chosen.length > 0
    ? { backends: chosen.map(toBackend) }
    : { backends: [], whyEmpty: 'NoEndpoints' }
}

/**
 * Traffic policy Local: the ready endpoints of this node, else those of this node
 * that serve while they terminate, else none, whatever other nodes have.
 */
export function chooseLocal(candidates: readonly Candidate[], place: Place): Choice {
  const local = candidates.filter((candidate) => isLocal(candidate.endpoint, place))
  const ready = local.filter(isReady)
  const chosen = weighted(ready.length > 0 ? ready : local.filter(isServingTerminating))
  if (chosen.length > 0) return { backends: chosen.map(toBackend) }
  const isAnywhere = candidates.some((one) => isReady(one) || isServingTerminating(one))
  return { backends: [], whyEmpty: isAnywhere ? 'NoLocalEndpoints' : 'NoEndpoints' }
}

/** Whether the endpoint runs on this node. */
export function isLocal(endpoint: Endpoint, { node }: Place): boolean {
  return node !== '' && endpoint.nodeName === node
}

/**
 * Of ready endpoints those the service prefers: on the same node, else in the same
 * zone, and only where every one says where it is; else all. In Kubernetes the slice
 * controller writes this down as hints (topologyModeFromHints reads them); here the
 * endpoints' own places are the hints.
 */
function near(
  ready: readonly Candidate[],
  trafficDistribution: string | undefined,
  place: Place,
): readonly Candidate[] {
  if (trafficDistribution === undefined || trafficDistribution === '') return ready
  if (trafficDistribution === 'PreferSameNode') {
    const allHaveNodes = ready.every(({ endpoint }) => endpoint.nodeName !== '')
    const onNode = ready.filter(({ endpoint }) => isLocal(endpoint, place))
    if (allHaveNodes && onNode.length > 0) return onNode
  }
  const allHaveZones = ready.every(({ endpoint }) => endpoint.zone !== '')
  const inZone = ready.filter(({ endpoint }) => endpoint.zone === place.zone)
  return allHaveZones && inZone.length > 0 ? inZone : ready
}

/** Weight 0 means no traffic while others have some. */
function weighted(candidates: readonly Candidate[]): readonly Candidate[] {
  const some = candidates.filter(({ endpoint }) => endpoint.weight > 0)
  return some.length > 0 ? some : candidates
}

const isReady = ({ endpoint }: Candidate): boolean => endpoint.ready

const isServingTerminating = ({ endpoint }: Candidate): boolean =>
  endpoint.serving && endpoint.terminating

const toBackend = ({ endpoint, address, port }: Candidate): Backend => ({
  endpointId: endpoint.id,
  address,
  port,
  weight: Math.max(1, endpoint.weight),
  terminating: endpoint.terminating,
})
