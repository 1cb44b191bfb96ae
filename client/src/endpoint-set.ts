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
  /** The service's ports, where it has them. */
  readonly ports: readonly EndpointPort[]
  /** New calls may go here. */
  readonly ready: boolean
  /** It can serve, terminating or not. */
  readonly serving: boolean
  /** It is about to leave. */
  readonly terminating: boolean
  /** Host name of the pod; empty: none. */
  readonly hostname: string
  /** Node the pod runs on; empty: not known. */
  readonly nodeName: string
  /** Zone of the node; empty: not known. */
  readonly zone: string
  /** Share of the calls against the other endpoints, 0 to 10,000. */
  readonly weight: number
  /** gRPC methods of the pod that must not be tried again once they may have run. */
  readonly notIdempotentMethods: readonly string[]
  /** Digest of all the above. */
  readonly hash: number
}

/** One of the service's ports, as an endpoint has it. */
export interface EndpointPort {
  /** Name of the service's port; empty where it has none. */
  readonly name: string
  /** TCP, UDP or SCTP. */
  readonly protocol: string
  /** Number the endpoint listens at: the service's targetPort. */
  readonly port: number
  /** What is spoken there, e.g. kubernetes.io/h2c; empty: not said. */
  readonly appProtocol: string
}

/** Names a service. */
export interface ServiceName {
  /** Its namespace. */
  readonly namespace: string
  /** Its name. */
  readonly service: string
}

/** The endpoints of one service at one revision. Never changes: a change makes a new one. */
export interface EndpointSet extends ServiceName {
  /** Revision of the registry at which the set became so. */
  readonly revision: number
  /** The service as it was when the set was last sent whole; absent when there was none. */
  readonly definition?: Service__Output
  /** All of them, those that are not ready too. */
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

/** What a set with these endpoints hashes to. */
export const hashOf = (endpoints: readonly Endpoint[]): number =>
  endpoints.reduce((sum, endpoint) => (sum + endpoint.hash) >>> 0, 0)
