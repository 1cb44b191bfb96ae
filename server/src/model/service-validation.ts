import type { FieldErrors } from './field-errors.ts'
import { cidrProblems, ipProblems, specialIpProblems } from './ip.ts'
import { validateLabels } from './labels.ts'
import type { Labels } from './meta.ts'
import { dns1123Subdomain, qualifiedName } from './names.ts'
import type { Requirement } from './selector.ts'
import { validateRequirement } from './selector.ts'
import { SERVICE_TYPES, TRAFFIC_POLICIES } from './service.ts'
import { validateServiceAnnotations } from './service-annotations.ts'
import type { ServiceDraft } from './service-draft.ts'
import { isExternallyAccessible, isHeadlessDraft, needsHealthCheck } from './service-draft.ts'
import { portProblems, validateServicePorts } from './service-port-validation.ts'

/** Seconds a client may stay with its pod at most: a day. */
const MAX_AFFINITY_SECONDS = 86_400

const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode'
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints'
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'

const TRAFFIC_DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone']
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"

/**
 * Reports what is wrong with a service whatever it was before (core/v1
 * ValidateService), but for its IP families (validateIPFields) and for what the
 * allocators refuse. Fields that are yet to be allocated may be empty.
 */
export const validateService = (
  annotations: Labels,
  draft: ServiceDraft,
  errors: FieldErrors,
): void => {
  validateTopologyAnnotations(annotations, errors)
  validateServiceAnnotations(annotations, errors)
  validateType(draft, errors)
  validateServicePorts(draft, errors)
  validateSelector(draft, errors)
  validateSessionAffinity(draft, errors)
  validateExternalIPs(draft, errors)
  validateSourceRanges(annotations, draft, errors)
  validateLoadBalancerFields(draft, errors)
  validateExternalTraffic(draft, errors)
  validateTrafficHints(draft, errors)
}

const validateTopologyAnnotations = (annotations: Labels, errors: FieldErrors): void => {
  const mode = annotations[TOPOLOGY_MODE]
  const hints = annotations[TOPOLOGY_HINTS]
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    const detail = `must match annotations[${TOPOLOGY_HINTS}] when both are specified`
    errors.invalid(`metadata.annotations[${TOPOLOGY_MODE}]`, mode, detail)
  }
}

const validateType = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { type } = draft
  if (type === 'ExternalName') validateExternalName(draft, errors)
  else if (!(SERVICE_TYPES as readonly string[]).includes(type)) {
    errors.notSupported('spec.type', type, SERVICE_TYPES.toSorted())
  } else if (type !== 'ClusterIP' && isHeadlessDraft(draft)) {
    const detail = `may not be set to 'None' for ${type} services`
    errors.invalid('spec.clusterIPs[0]', draft.clusterIPs[0], detail)
  }
}

const validateExternalName = (draft: ServiceDraft, errors: FieldErrors): void => {
  const detail = 'may not be set for ExternalName services'
  if (draft.clusterIPs.length > 0) errors.forbidden('spec.clusterIPs', detail)
  if (draft.ipFamilies.length > 0) errors.forbidden('spec.ipFamilies', detail)
  if (draft.ipFamilyPolicy !== undefined) errors.forbidden('spec.ipFamilyPolicy', detail)
  // A trailing dot says that the name is fully qualified.
  const host = draft.externalName.replace(/\.$/, '')
  if (host === '') errors.required('spec.externalName')
  else {
    for (const problem of dns1123Subdomain(host)) {
      errors.invalid('spec.externalName', host, problem)
    }
  }
}

const validateSelector = (draft: ServiceDraft, errors: FieldErrors): void => {
  validateLabels(draft.selector, 'spec.selector', errors)
  draft.matchExpressions.forEach((requirement, i) => {
    validateRequirement(requirement as Requirement, `spec.matchExpressions[${i}]`, errors)
  })
}

const validateSessionAffinity = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { sessionAffinity, sessionAffinityConfig } = draft
  if (sessionAffinity !== 'ClientIP' && sessionAffinity !== 'None') {
    errors.notSupported('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None'])
  }
  const seconds = sessionAffinityConfig?.clientIP.timeoutSeconds ?? MAX_AFFINITY_SECONDS
  if (!Number.isInteger(seconds) || seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
    const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds'
    errors.invalid(field, seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`)
  }
}

const validateExternalIPs = ({ externalIPs }: ServiceDraft, errors: FieldErrors): void => {
  externalIPs.forEach((ip, i) => {
    const problems = ipProblems(ip)
    for (const problem of problems.length > 0 ? problems : specialIpProblems(ip)) {
      errors.invalid(`spec.externalIPs[${i}]`, ip, problem)
    }
  })
}

/** The ranges of the field or else those of the annotation that came before it. */
const validateSourceRanges = (
  annotations: Labels,
  { type, loadBalancerSourceRanges: ranges }: ServiceDraft,
  errors: FieldErrors,
): void => {
  const annotation = annotations[SOURCE_RANGES]
  if (ranges.length === 0 && annotation === undefined) return
  const isField = ranges.length > 0
  const field = isField ? 'spec.loadBalancerSourceRanges' : `metadata.annotations[${SOURCE_RANGES}]`
  if (type !== 'LoadBalancer') errors.forbidden(field, ONLY_LOAD_BALANCER)
  const texts = isField ? ranges : (annotation ?? '').trim() === '' ? [] : annotation?.split(',')
  texts?.forEach((text, i) => {
    // Spaces around a range are allowed, as they were in the annotation.
    const range = text.trim()
    for (const problem of cidrProblems(range)) {
      errors.invalid(isField ? `${field}[${i}]` : field, range, problem)
    }
  })
}

const validateLoadBalancerFields = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { loadBalancerClass } = draft
  if (draft.type === 'LoadBalancer') {
    for (const problem of loadBalancerClass === undefined ? [] : qualifiedName(loadBalancerClass)) {
      errors.invalid('spec.loadBalancerClass', loadBalancerClass, problem)
    }
    return
  }
  if (draft.allocateLoadBalancerNodePorts !== undefined) {
    errors.forbidden('spec.allocateLoadBalancerNodePorts', ONLY_LOAD_BALANCER)
  }
  if (loadBalancerClass !== undefined) {
    errors.forbidden('spec.loadBalancerClass', ONLY_LOAD_BALANCER)
  }
}

const validateExternalTraffic = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { externalTrafficPolicy: policy, healthCheckNodePort: port } = draft
  if (policy !== undefined && !isExternallyAccessible(draft)) {
    const detail = 'may only be set for externally-accessible services'
    errors.invalid('spec.externalTrafficPolicy', policy, detail)
  } else validateTrafficPolicy('spec.externalTrafficPolicy', policy, errors)
  if (port === 0) return
  const field = 'spec.healthCheckNodePort'
  const problems = needsHealthCheck(draft)
    ? portProblems(port)
    : ["may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"]
  for (const problem of problems) errors.invalid(field, port, problem)
}

const validateTrafficHints = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { internalTrafficPolicy, trafficDistribution } = draft
  validateTrafficPolicy('spec.internalTrafficPolicy', internalTrafficPolicy, errors)
  if (trafficDistribution !== undefined && !TRAFFIC_DISTRIBUTIONS.includes(trafficDistribution)) {
    errors.notSupported('spec.trafficDistribution', trafficDistribution, TRAFFIC_DISTRIBUTIONS)
  }
}

const validateTrafficPolicy = (
  field: string,
  policy: string | undefined,
  errors: FieldErrors,
): void => {
  if (policy === undefined || (TRAFFIC_POLICIES as readonly string[]).includes(policy)) return
  errors.notSupported(field, policy, TRAFFIC_POLICIES)
}
