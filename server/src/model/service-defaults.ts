import type { PortDraft, ServiceDraft } from './service-draft.ts'
import { isExternallyAccessible, needsClusterIP } from './service-draft.ts'
import type { RequirementInput, ServicePortInput, ServiceSpecInput } from './service-input.ts'

/** How long a client stays with its pod unless told otherwise, seconds: 3 hours. */
const DEFAULT_AFFINITY_SECONDS = 10_800

/**
 * Fills in what does not depend on the cluster or on the service as it was
 * (core/v1 SetDefaults_Service). IP families, addresses and node ports come later.
 */
export const defaultService = (input: ServiceSpecInput): ServiceDraft => {
  const draft: ServiceDraft = {
    type: input.type || 'ClusterIP',
    ports: (input.ports ?? []).map(defaultPort),
    selector: input.selector ?? {},
    matchExpressions: (input.matchExpressions ?? []).map(defaultRequirement),
    clusterIP: input.clusterIP ?? '',
    clusterIPs: input.clusterIPs ?? [],
    ipFamilies: input.ipFamilies ?? [],
    externalName: input.externalName ?? '',
    externalIPs: input.externalIPs ?? [],
    sessionAffinity: input.sessionAffinity || 'None',
    healthCheckNodePort: input.healthCheckNodePort ?? 0,
    publishNotReadyAddresses: input.publishNotReadyAddresses ?? false,
    loadBalancerClass: input.loadBalancerClass,
    loadBalancerSourceRanges: input.loadBalancerSourceRanges ?? [],
    loadBalancerIP: input.loadBalancerIP ?? '',
    trafficDistribution: input.trafficDistribution,
  }
  return { ...draft, ...policies(draft, input) }
}

/** The members whose default depends on others. */
const policies = (draft: ServiceDraft, input: ServiceSpecInput): Partial<ServiceDraft> => ({
  ipFamilyPolicy: input.ipFamilyPolicy || undefined,
  sessionAffinityConfig: affinityConfig(draft, input),
  internalTrafficPolicy:
    input.internalTrafficPolicy || (needsClusterIP(draft) ? 'Cluster' : undefined),
  externalTrafficPolicy:
    input.externalTrafficPolicy || (isExternallyAccessible(draft) ? 'Cluster' : undefined),
  allocateLoadBalancerNodePorts:
    input.allocateLoadBalancerNodePorts ?? (draft.type === 'LoadBalancer' ? true : undefined),
})

/** Dropped without ClientIP, as Kubernetes does: it would mean nothing. */
const affinityConfig = (
  { sessionAffinity }: ServiceDraft,
  { sessionAffinityConfig }: ServiceSpecInput,
): ServiceDraft['sessionAffinityConfig'] => {
  if (sessionAffinity !== 'ClientIP') return undefined
  const timeoutSeconds = sessionAffinityConfig?.clientIP?.timeoutSeconds
  return { clientIP: { timeoutSeconds: timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS } }
}

const defaultRequirement = ({ key, operator, values = [] }: RequirementInput) => ({
  key,
  operator,
  values,
})

const defaultPort = (input: ServicePortInput): PortDraft => {
  const port = input.port ?? 0
  return {
    name: input.name ?? '',
    protocol: input.protocol || 'TCP',
    appProtocol: input.appProtocol,
    port,
    targetPort: targetPort(input.targetPort) || port,
    nodePort: input.nodePort ?? 0,
  }
}

const targetPort = (given: number | string = 0): number | string =>
  typeof given === 'string' && /^\d+$/.test(given) ? Number(given) : given
