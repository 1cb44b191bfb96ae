import type {
  EmptyReason__Output,
  EndpointChange__Output,
  EndpointSet__Output,
  Service__Output,
} from '@roster/proto'

/** One pod, or one hand-written endpoint, behind a service. */
export interface Endpoint {
  /** Identity, unique within its set. */
  readonly id: string
  /** Name of the pod; empty for hand-written endpoints. */
  readonly pod: string
  /** Addresses, one per IP family of the service. */
  readonly addresses: readonly string[]
  readonly ports: readonly EndpointPort[]
  /** New calls may go here. */
  readonly ready: boolean
  /** It can serve, terminating or not. */
  readonly serving: boolean
  /** It is about to leave. */
  readonly terminating: boolean
  readonly hostname: string
  readonly nodeName: string
  readonly zone: string
  /** Share of the calls against the other endpoints, 0 to 10,000. */
  readonly weight: number
  /** Digest of all the above. */
  readonly hash: number
}

/** One of the service's ports, as an endpoint has it. */
export interface EndpointPort {
  readonly name: string
  readonly protocol: string
  readonly port: number
  readonly appProtocol: string
}

/** Names a service. */
export interface ServiceName {
  readonly namespace: string
  readonly service: string
}

/** The endpoints of one service at one revision. Never changes: a change makes a new one. */
export interface EndpointSet extends ServiceName {
  readonly revision: number
  /** The service as it was when the set was last sent whole; absent when there was none. */
  readonly definition?: Service__Output
  readonly endpoints: readonly Endpoint[]
  /** Why there are none; EMPTY_REASON_UNSPECIFIED when there are some. */
  readonly emptyReason: EmptyReason__Output
  /** Sum of the endpoints' hashes modulo 2^32, computed here. */
  readonly hash: number
}

/** The set a snapshot brings. */
export function fromSnapshot(snapshot: EndpointSet__Output, revision: number): EndpointSet {
  return {
    namespace: snapshot.namespace,
    service: snapshot.service,
    revision,
    ...(snapshot.definition === null ? {} : { definition: snapshot.definition }),
    endpoints: snapshot.endpoints,
    emptyReason: snapshot.emptyReason,
    hash: hashOf(snapshot.endpoints),
  }
}

/** The set after a change. Endpoints that stay keep their places. */
export function applyChange(
  set: EndpointSet,
  change: EndpointChange__Output,
  revision: number,
): EndpointSet {
  const byId = new Map<string, Endpoint>(set.endpoints.map((endpoint) => [endpoint.id, endpoint]))
  for (const id of change.removed) byId.delete(id)
  for (const endpoint of change.changed) byId.set(endpoint.id, endpoint)
  for (const endpoint of change.added) byId.set(endpoint.id, endpoint)
  const endpoints = [...byId.values()]
  return { ...set, revision, endpoints, emptyReason: change.emptyReason, hash: hashOf(endpoints) }
}

/**
 * The endpoints new calls may go to: the ready ones; when none is ready, those
 * that still serve while they terminate (as kube-proxy does, KEP-1669). Weight 0
 * means no calls while others have some.
 */
export function usableEndpoints(set: EndpointSet): readonly Endpoint[] {
  const ready = set.endpoints.filter((endpoint) => endpoint.ready)
  const usable =
    ready.length > 0
      ? ready
      : set.endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating)
  const weighted = usable.filter((endpoint) => endpoint.weight > 0)
  return weighted.length > 0 ? weighted : usable
}

/** Why there is no usable endpoint, for the error of a call that found none. */
export function whyUnusable(set: EndpointSet): string {
  const name = `${set.namespace}/${set.service}`
  if (set.endpoints.length > 0) {
    return `service ${name} has no ready endpoints: ${set.endpoints.length} not ready`
  }
  if (set.emptyReason === 'EMPTY_REASON_NO_SUCH_SERVICE') {
    return `service ${name} does not exist: apply it first, or check the namespace`
  }
  return `service ${name} has no endpoints: ${REASON_TEXT[set.emptyReason] ?? 'no reason given'}`
}

const REASON_TEXT: Readonly<Partial<Record<EmptyReason__Output, string>>> = {
  EMPTY_REASON_NO_SELECTOR_MATCH: 'no pod has the labels its selector asks for',
  EMPTY_REASON_SCALED_TO_ZERO: 'scaled to zero',
  EMPTY_REASON_LEASES_EXPIRED: 'the leases of its last pods ran out',
  EMPTY_REASON_NO_ADDRESS: 'its pods have no address, or have ended',
  EMPTY_REASON_NO_HAND_WRITTEN_ENDPOINTS:
    'it has no selector, and no endpoints were written by hand',
  EMPTY_REASON_EXTERNAL_NAME: 'it is an alias of an external name',
}

const hashOf = (endpoints: readonly Endpoint[]): number =>
  endpoints.reduce((sum, endpoint) => (sum + endpoint.hash) >>> 0, 0)
