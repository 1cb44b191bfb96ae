import type { Requirement } from './selector.ts'
import { HEADLESS, type ServicePort, type ServiceSpec } from './service.ts'

/** A ServicePort whose values have not been checked. */
export interface PortDraft {
  readonly name: string
  readonly protocol: string
  readonly appProtocol?: string | undefined
  readonly port: number
  readonly targetPort: number | string
  readonly nodePort: number
}

/**
 * A ServiceSpec on its way through admission: complete, but its values have not
 * been checked, so whatever is an enumeration there is any string here. Every
 * ServiceSpec is one.
 */
export interface ServiceDraft {
  readonly type: string
  readonly ports: readonly PortDraft[]
  readonly selector: Readonly<Record<string, string>>
  readonly matchExpressions: readonly {
    readonly key: string
    readonly operator: string
    readonly values: readonly string[]
  }[]
  readonly clusterIP: string
  readonly clusterIPs: readonly string[]
  readonly ipFamilies: readonly string[]
  readonly ipFamilyPolicy?: string | undefined
  readonly externalName: string
  readonly externalIPs: readonly string[]
  readonly sessionAffinity: string
  readonly sessionAffinityConfig?:
    | { readonly clientIP: { readonly timeoutSeconds: number } }
    | undefined
  readonly internalTrafficPolicy?: string | undefined
  readonly externalTrafficPolicy?: string | undefined
  readonly healthCheckNodePort: number
  readonly publishNotReadyAddresses: boolean
  readonly allocateLoadBalancerNodePorts?: boolean | undefined
  readonly loadBalancerClass?: string | undefined
  readonly loadBalancerSourceRanges: readonly string[]
  readonly loadBalancerIP: string
  readonly trafficDistribution?: string | undefined
}

/** Whether services of this type have a clusterIP, be it None. */
export const needsClusterIP = ({ type }: ServiceDraft): boolean => type !== 'ExternalName'

/** Whether ports may have a nodePort. */
export const needsNodePorts = ({ type }: ServiceDraft): boolean =>
  type === 'NodePort' || type === 'LoadBalancer'

/** Whether ports without a nodePort are to get one. */
export const wantsNodePorts = (draft: ServiceDraft): boolean =>
  draft.type === 'NodePort' ||
  (draft.type === 'LoadBalancer' && draft.allocateLoadBalancerNodePorts === true)

/** Whether nodes answer load balancers' health checks for the service. */
export const needsHealthCheck = ({ type, externalTrafficPolicy }: ServiceDraft): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local'

/** Whether traffic can come from outside, so that externalTrafficPolicy means something. */
export const isExternallyAccessible = (draft: ServiceDraft): boolean =>
  needsNodePorts(draft) || (draft.type === 'ClusterIP' && draft.externalIPs.length > 0)

/** Whether clusterIPs says None and nothing else. */
export const isHeadlessDraft = ({ clusterIPs }: ServiceDraft): boolean =>
  clusterIPs.length === 1 && clusterIPs[0] === HEADLESS

export const sameStrings = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i])

/**
 * The draft as it is stored, once validation found nothing. Members are in the
 * order of core/v1 and absent ones are left out, so that equal services are
 * equal as JSON text too.
 */
export const sealDraft = (draft: ServiceDraft): ServiceSpec => {
  const spec = present({
    type: draft.type,
    ports: draft.ports.map(sealPort),
    selector: draft.selector,
    matchExpressions: draft.matchExpressions as readonly Requirement[],
    clusterIP: draft.clusterIP,
    clusterIPs: draft.clusterIPs,
    ipFamilies: draft.ipFamilies,
    ipFamilyPolicy: draft.ipFamilyPolicy,
    externalName: draft.externalName,
    externalIPs: draft.externalIPs,
    sessionAffinity: draft.sessionAffinity,
    sessionAffinityConfig: draft.sessionAffinityConfig,
    internalTrafficPolicy: draft.internalTrafficPolicy,
    externalTrafficPolicy: draft.externalTrafficPolicy,
    healthCheckNodePort: draft.healthCheckNodePort,
    publishNotReadyAddresses: draft.publishNotReadyAddresses,
    allocateLoadBalancerNodePorts: draft.allocateLoadBalancerNodePorts,
    loadBalancerClass: draft.loadBalancerClass,
    loadBalancerSourceRanges: draft.loadBalancerSourceRanges,
    loadBalancerIP: draft.loadBalancerIP,
    trafficDistribution: draft.trafficDistribution,
  } satisfies Record<keyof ServiceSpec, unknown>)
  return spec as unknown as ServiceSpec
}

const sealPort = (port: PortDraft): ServicePort => {
  const { name, protocol, appProtocol, port: number, targetPort, nodePort } = port
  const sealed = present({ name, protocol, appProtocol, port: number, targetPort, nodePort })
  return sealed as unknown as ServicePort
}

const present = (object: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
