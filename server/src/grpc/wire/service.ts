import type * as proto from '@roster/proto'
import type { Stored } from '../../model/meta.ts'
import type { Service, ServiceStatus } from '../../model/service.ts'
import type { ServiceInput } from '../../model/service-input.ts'
import { metaFrom, metaTo } from './meta.ts'

/** A service as a caller gives it. */
export function serviceFrom(message: proto.Service__Output | null): ServiceInput {
  const spec = message?.spec
  if (spec === null || spec === undefined)
    return { metadata: metaFrom(message?.metadata), spec: {} }
  const timeoutSeconds = spec.sessionAffinityConfig?.clientIp?.timeoutSeconds
  const affinity = spec.sessionAffinityConfig
  return {
    metadata: metaFrom(message?.metadata),
    spec: {
      type: spec.type,
      ports: spec.ports,
      selector: spec.selector,
      matchExpressions: spec.matchExpressions,
      clusterIP: spec.clusterIp,
      clusterIPs: spec.clusterIps,
      ipFamilies: spec.ipFamilies,
      ipFamilyPolicy: spec.ipFamilyPolicy,
      externalName: spec.externalName,
      externalIPs: spec.externalIps,
      sessionAffinity: spec.sessionAffinity,
      sessionAffinityConfig: affinity === null ? undefined : { clientIP: { timeoutSeconds } },
      internalTrafficPolicy: spec.internalTrafficPolicy,
      externalTrafficPolicy: spec.externalTrafficPolicy,
      healthCheckNodePort: spec.healthCheckNodePort,
      publishNotReadyAddresses: spec.publishNotReadyAddresses,
      allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts,
      loadBalancerClass: spec.loadBalancerClass,
      loadBalancerSourceRanges: spec.loadBalancerSourceRanges,
      loadBalancerIP: spec.loadBalancerIp,
      trafficDistribution: spec.trafficDistribution,
    },
  }
}

/** The status of a service as a caller gives it; a missing one is empty. */
export const serviceStatusFrom = (message: proto.ServiceStatus__Output | null): ServiceStatus => ({
  loadBalancer: { ingress: message?.loadBalancer?.ingress ?? [] },
})

export function serviceTo({ object, revision }: Stored<Service>): proto.Service {
  const { metadata, spec, status } = object
  const { ports, clusterIP, clusterIPs, externalIPs, loadBalancerIP, ...same } = spec
  const { matchExpressions, sessionAffinityConfig, ...rest } = same
  const message: proto.ServiceSpec = {
    ...rest,
    ipFamilies: [...spec.ipFamilies],
    loadBalancerSourceRanges: [...spec.loadBalancerSourceRanges],
    ports: ports.map((port) => ({ ...port, targetPort: String(port.targetPort) })),
    matchExpressions: matchExpressions.map((r) => ({ ...r, values: [...r.values] })),
    clusterIp: clusterIP,
    clusterIps: [...clusterIPs],
    externalIps: [...externalIPs],
    loadBalancerIp: loadBalancerIP,
  }
  if (sessionAffinityConfig !== undefined) {
    message.sessionAffinityConfig = { clientIp: sessionAffinityConfig.clientIP }
  }
  const ingress = status.loadBalancer.ingress.map((way) => ({ ...way }))
  return {
    metadata: metaTo(metadata, revision),
    spec: message,
    status: { loadBalancer: { ingress } },
  }
}
