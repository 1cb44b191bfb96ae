import type { FieldErrors } from './field-errors.ts'
import type { PortDraft, ServiceDraft } from './service-draft.ts'
import {
  isExternallyAccessible,
  needsClusterIP,
  needsHealthCheck,
  needsNodePorts,
  sameStrings,
} from './service-draft.ts'

/**
 * Keeps what was allocated where the caller left it blank, so that applying the
 * same thing again succeeds (Kubernetes' patchAllocatedValues).
 */
export const carryOver = (draft: ServiceDraft, old: ServiceDraft): ServiceDraft => ({
  ...draft,
  ...(needsClusterIP(old) &&
    needsClusterIP(draft) && {
      clusterIP: draft.clusterIP || old.clusterIP,
      clusterIPs: draft.clusterIPs.length > 0 ? draft.clusterIPs : old.clusterIPs,
    }),
  ...(needsNodePorts(old) &&
    needsNodePorts(draft) && { ports: carryOverNodePorts(draft.ports, old.ports) }),
  ...(needsHealthCheck(old) &&
    needsHealthCheck(draft) && {
      healthCheckNodePort: draft.healthCheckNodePort || old.healthCheckNodePort,
    }),
})

/** Node ports follow the name of their port, whatever else of it has changed. */
const carryOverNodePorts = (
  ports: readonly PortDraft[],
  oldPorts: readonly PortDraft[],
): readonly PortDraft[] => {
  const byName = new Map(oldPorts.map((port) => [port.name, port.nodePort]))
  const asked = new Set(ports.map((port) => port.nodePort))
  const taken = new Set(ports.map(nodePortKey))
  return ports.map((port) => {
    const nodePort = byName.get(port.name) ?? 0
    const kept = { ...port, nodePort }
    if (port.nodePort !== 0 || nodePort === 0) return port
    // The caller gave the number to another port, or a change of protocol made two ports claim it.
    if (asked.has(nodePort) || taken.has(nodePortKey(kept))) return port
    taken.add(nodePortKey(kept))
    return kept
  })
}

const nodePortKey = ({ protocol, nodePort }: PortDraft): string => `${protocol} ${nodePort}`

/**
 * Brings clusterIP and clusterIPs in line where the caller wrote only one of the
 * two (Kubernetes' normalizeClusterIPs).
 */
export const normalizeClusterIPs = (
  draft: ServiceDraft,
  old: ServiceDraft | undefined,
): ServiceDraft => {
  const { clusterIP, clusterIPs } = draft
  if (clusterIPs.length === 0 && clusterIP !== '') {
    return { ...draft, clusterIPs: clusterIP === old?.clusterIP ? old.clusterIPs : [clusterIP] }
  }
  if (!old || clusterIP === old.clusterIP || !sameStrings(clusterIPs, old.clusterIPs)) return draft
  return { ...draft, clusterIPs: clusterIP === '' ? [] : [clusterIP] }
}

/**
 * Wipes what the new type has no use for, but only where the caller did not
 * change it too: that is a mistake, and validation says so (Kubernetes'
 * dropTypeDependentFields).
 */
export const dropTypeDependentFields = (draft: ServiceDraft, old: ServiceDraft): ServiceDraft => ({
  ...draft,
  ...(needsClusterIP(old) && !needsClusterIP(draft) && droppedAddresses(draft, old)),
  ...(needsNodePorts(old) &&
    !needsNodePorts(draft) &&
    addsNoNodePort(draft, old) && { ports: draft.ports.map((port) => ({ ...port, nodePort: 0 })) }),
  ...(needsHealthCheck(old) &&
    !needsHealthCheck(draft) &&
    draft.healthCheckNodePort === old.healthCheckNodePort && { healthCheckNodePort: 0 }),
  ...(isExternallyAccessible(old) &&
    !isExternallyAccessible(draft) &&
    draft.externalTrafficPolicy === old.externalTrafficPolicy && {
      externalTrafficPolicy: undefined,
    }),
  ...(old.type === 'LoadBalancer' && draft.type !== 'LoadBalancer' && droppedClass(draft, old)),
})

const droppedAddresses = (draft: ServiceDraft, old: ServiceDraft): Partial<ServiceDraft> => ({
  ...(draft.clusterIP === old.clusterIP &&
    sameStrings(draft.clusterIPs, old.clusterIPs) && { clusterIP: '', clusterIPs: [] }),
  ...(sameStrings(draft.ipFamilies, old.ipFamilies) && { ipFamilies: [] }),
  ...(draft.ipFamilyPolicy === old.ipFamilyPolicy && { ipFamilyPolicy: undefined }),
})

const droppedClass = (draft: ServiceDraft, old: ServiceDraft): Partial<ServiceDraft> => ({
  ...(draft.allocateLoadBalancerNodePorts === old.allocateLoadBalancerNodePorts && {
    allocateLoadBalancerNodePorts: undefined,
  }),
  ...(draft.loadBalancerClass === old.loadBalancerClass && { loadBalancerClass: undefined }),
})

const addsNoNodePort = (draft: ServiceDraft, old: ServiceDraft): boolean => {
  const had = new Set(old.ports.map((port) => port.nodePort))
  return draft.ports.every(({ nodePort }) => nodePort === 0 || had.has(nodePort))
}

/**
 * Reports changes that are not allowed, but for those of addresses and families,
 * which resolveIPFamilies reports (core/v1 ValidateServiceUpdate).
 */
export const validateServiceUpdate = (
  draft: ServiceDraft,
  old: ServiceDraft,
  errors: FieldErrors,
): void => {
  const bothBalance = draft.type === 'LoadBalancer' && old.type === 'LoadBalancer'
  if (bothBalance && draft.loadBalancerClass !== old.loadBalancerClass) {
    const value = draft.loadBalancerClass ?? null
    errors.invalid('spec.loadBalancerClass', value, 'may not change once set')
  }
  const bothChecked = needsHealthCheck(draft) && needsHealthCheck(old)
  if (bothChecked && draft.healthCheckNodePort !== old.healthCheckNodePort) {
    errors.forbidden('spec.healthCheckNodePort', 'field is immutable')
  }
}
