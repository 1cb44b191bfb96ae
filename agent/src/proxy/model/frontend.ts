/** Where the traffic of a frontend comes in. */
export type FrontendKind = 'ClusterIP' | 'NodePort' | 'ExternalIP' | 'LoadBalancer'

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

/** One endpoint traffic may go to. */
export interface Backend {
  readonly endpointId: string
  readonly address: string
  readonly port: number
  /** Share against the other backends, 1 to 10,000. */
  readonly weight: number
  /** It is about to leave, and gets traffic because no other is ready. */
  readonly terminating: boolean
}

/**
 * Why a frontend has no backends. kube-proxy rejects traffic where the service has
 * no endpoints at all, and drops it where the traffic policy Local keeps it from
 * those of other nodes.
 */
export type WhyEmpty = 'NoEndpoints' | 'NoLocalEndpoints'

/** One address, protocol and port of a service, and where its traffic is to go. */
export interface Frontend {
  /** `protocol/address:port`: unique. */
  readonly key: string
  readonly kind: FrontendKind
  readonly namespace: string
  readonly service: string
  /** Name of the service's port; empty when it has none. */
  readonly portName: string
  readonly protocol: Protocol
  readonly family: IPFamily
  /** `0.0.0.0` or `::` for a NodePort: every address of the node. */
  readonly address: string
  readonly port: number
  /** By endpoint id. */
  readonly backends: readonly Backend[]
  /** Present when there are no backends. */
  readonly whyEmpty?: WhyEmpty
  /**
   * For callers on this node, where they differ from the backends:
   * externalTrafficPolicy Local does not bind them at external and load balancer IPs.
   */
  readonly insideBackends?: readonly Backend[]
  /** Session affinity ClientIP: so long after its last connection a client keeps its backend. */
  readonly affinityTimeoutMs?: number
  /** CIDRs of the clients let in. Empty: all. */
  readonly sourceRanges: readonly string[]
}

export type IPFamily = 4 | 6

/** A port at which the node tells load balancers whether it has endpoints of a service. */
export interface HealthCheck {
  readonly port: number
  readonly namespace: string
  readonly service: string
  /** Ready endpoints on this node. */
  readonly localEndpoints: number
}

/** What one service, or all of them, need of the proxy. */
export interface ServiceFrontends {
  readonly frontends: readonly Frontend[]
  readonly healthCheck?: HealthCheck
}

/** Names a frontend: what callers connect to. */
export type FrontendAddress = Pick<Frontend, 'protocol' | 'address' | 'port'>

export function frontendKey({ protocol, address, port }: FrontendAddress): string {
  return `${protocol}/${address.includes(':') ? `[${address}]` : address}:${port}`
}
