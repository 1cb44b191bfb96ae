import type { ObjectMeta } from './meta.ts'
import type { Requirement } from './selector.ts'

export const SERVICE_TYPES = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] as const
export type ServiceType = (typeof SERVICE_TYPES)[number]

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const
export type Protocol = (typeof PROTOCOLS)[number]

export const IP_FAMILIES = ['IPv4', 'IPv6'] as const
export type IPFamily = (typeof IP_FAMILIES)[number]

export const IP_FAMILY_POLICIES = ['SingleStack', 'PreferDualStack', 'RequireDualStack'] as const
export type IPFamilyPolicy = (typeof IP_FAMILY_POLICIES)[number]

export const TRAFFIC_POLICIES = ['Cluster', 'Local'] as const
export type TrafficPolicy = (typeof TRAFFIC_POLICIES)[number]

/** The value of clusterIP that makes a service headless. */
export const HEADLESS = 'None'

/** Label of an EndpointSlice that names its service (discovery/v1 well_known_labels.go). */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** core/v1 ServicePort after defaulting. nodePort is 0 where there is none. */
export interface ServicePort {
  readonly name: string
  readonly protocol: Protocol
  readonly appProtocol?: string
  readonly port: number
  /** A number, or the name of a pod's port. */
  readonly targetPort: number | string
  readonly nodePort: number
}

/**
 * core/v1 ServiceSpec after defaulting, with Kubernetes' own field names so that
 * the stored JSON reads like a manifest. Optional members are absent where
 * Kubernetes has nil; empty strings, arrays and false stand for its zero values.
 */
export interface ServiceSpec {
  readonly type: ServiceType
  readonly ports: readonly ServicePort[]
  readonly selector: Readonly<Record<string, string>>
  /** Set-based requirements, joined with `selector` by AND. Beyond Kubernetes. */
  readonly matchExpressions: readonly Requirement[]
  /** '' only for ExternalName, and before allocation. */
  readonly clusterIP: string
  readonly clusterIPs: readonly string[]
  readonly ipFamilies: readonly IPFamily[]
  readonly ipFamilyPolicy?: IPFamilyPolicy
  readonly externalName: string
  readonly externalIPs: readonly string[]
  readonly sessionAffinity: 'None' | 'ClientIP'
  readonly sessionAffinityConfig?: { readonly clientIP: { readonly timeoutSeconds: number } }
  readonly internalTrafficPolicy?: TrafficPolicy
  readonly externalTrafficPolicy?: TrafficPolicy
  readonly healthCheckNodePort: number
  readonly publishNotReadyAddresses: boolean
  readonly allocateLoadBalancerNodePorts?: boolean
  readonly loadBalancerClass?: string
  readonly loadBalancerSourceRanges: readonly string[]
  readonly loadBalancerIP: string
  readonly trafficDistribution?: string
}

/** core/v1 ServiceStatus, as far as load balancers go. */
export interface ServiceStatus {
  readonly loadBalancer: {
    readonly ingress: readonly {
      readonly ip: string
      readonly hostname: string
      readonly ipMode: string
    }[]
  }
}

export interface Service {
  readonly metadata: ObjectMeta
  readonly spec: ServiceSpec
  readonly status: ServiceStatus
}

/** Whether pods are chosen by labels; otherwise endpoints are written by hand. */
export const hasSelector = (spec: ServiceSpec): boolean =>
  Object.keys(spec.selector).length > 0 || spec.matchExpressions.length > 0
