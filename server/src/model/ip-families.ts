import type { FieldErrors } from './field-errors.ts'
import { familyOf, ipProblems } from './ip.ts'
import { HEADLESS, IP_FAMILIES, IP_FAMILY_POLICIES, type IPFamily } from './service.ts'
import type { ServiceDraft } from './service-draft.ts'
import { isHeadlessDraft, needsClusterIP, sameStrings } from './service-draft.ts'

const POLICY = 'spec.ipFamilyPolicy'

/**
 * Fills in ipFamilyPolicy and ipFamilies, given the families the cluster has
 * addresses of, its default first, and reports what does not fit together
 * (Kubernetes' initIPFamilyFields and ValidateServiceClusterIPsRelatedFields).
 * clusterIPs loses its second address where the caller went back to SingleStack.
 * On a change it also reports what may not change.
 */
export const resolveIPFamilies = (
  draft: ServiceDraft,
  old: ServiceDraft | undefined,
  cluster: readonly IPFamily[],
  errors: FieldErrors,
): ServiceDraft => {
  if (!needsClusterIP(draft)) return draft
  const policy = draft.ipFamilyPolicy ?? defaultPolicy(draft, old)
  const asked = { ...(old ? keepSecond(draft, old, policy) : draft), ipFamilyPolicy: policy }
  if (old && keepsPreferDualStack(asked, old)) return { ...asked, ipFamilies: old.ipFamilies }
  const before = errors.violations.length
  const isBad = (): boolean => errors.violations.length > before

  validateIPFields(asked, errors)
  if (isBad()) return asked
  const reduced = old ? reduceToSingleStack(asked, old, errors) : asked
  validateSingleStack(reduced, errors)
  const inferred = inferFamilies(reduced, cluster, errors)
  if (isBad()) return inferred
  const isFree = isFreeOfCluster(inferred)
  if (!isFree) validateAgainstCluster(inferred, cluster, errors)
  if (isBad()) return inferred
  const completed = completeFamilies(inferred, cluster, isFree ? IP_FAMILIES : cluster)
  if (old) validateFamilyChange(completed, old, errors)
  return completed
}

/** A policy once chosen stays until the caller says otherwise. */
const defaultPolicy = (draft: ServiceDraft, old: ServiceDraft | undefined): string =>
  old?.ipFamilyPolicy ?? (isFreeOfCluster(draft) ? 'RequireDualStack' : 'SingleStack')

/** Without VIP and without selector the cluster's families do not matter. */
const isFreeOfCluster = ({ clusterIP, selector, matchExpressions }: ServiceDraft): boolean =>
  clusterIP === HEADLESS && Object.keys(selector).length === 0 && matchExpressions.length === 0

/**
 * One address or family with a policy of two means on a change what it meant on
 * creation: that one, and another which the registry chose. Kubernetes refuses
 * it there ("must be 'SingleStack' to release…"), so that what created a service
 * cannot be applied again.
 */
const keepSecond = (draft: ServiceDraft, old: ServiceDraft, policy: string): ServiceDraft => {
  const isDual = policy !== 'SingleStack'
  const isSaid = draft.ipFamilyPolicy !== undefined || isFreeOfCluster(draft)
  if (!isDual || !isSaid) return draft
  return {
    ...draft,
    clusterIPs: longer(draft.clusterIPs, old.clusterIPs),
    ipFamilies: longer(draft.ipFamilies, old.ipFamilies),
  }
}

/** The old list where the new one is its beginning. */
const longer = (list: readonly string[], old: readonly string[]): readonly string[] =>
  list.length > 0 && sameStrings(list, old.slice(0, list.length)) ? old : list

/**
 * Whether a PreferDualStack service is to stay as it is: it does not gain or lose
 * an address just because the cluster gained or lost a family.
 */
const keepsPreferDualStack = (draft: ServiceDraft, old: ServiceDraft): boolean =>
  draft.type === old.type &&
  draft.ipFamilyPolicy === 'PreferDualStack' &&
  old.ipFamilyPolicy === 'PreferDualStack' &&
  draft.clusterIP === old.clusterIP &&
  sameStrings(draft.clusterIPs, old.clusterIPs) &&
  (draft.ipFamilies.length === 0 || sameStrings(draft.ipFamilies, old.ipFamilies))

/** Saying SingleStack is enough to let go of the second address; anything less is not. */
const reduceToSingleStack = (
  draft: ServiceDraft,
  old: ServiceDraft,
  errors: FieldErrors,
): ServiceDraft => {
  const { clusterIPs, ipFamilies, ipFamilyPolicy } = draft
  if (ipFamilyPolicy === 'SingleStack') {
    const sameIPs = sameStrings(clusterIPs, old.clusterIPs)
    const sameFamilies = sameStrings(ipFamilies, old.ipFamilies)
    return {
      ...draft,
      clusterIPs: sameIPs ? clusterIPs.slice(0, 1) : clusterIPs,
      ipFamilies: sameFamilies ? ipFamilies.slice(0, 1) : ipFamilies,
    }
  }
  if (clusterIPs.length > 0 && clusterIPs.length < old.clusterIPs.length) {
    const detail = "must be 'SingleStack' to release the secondary cluster IP"
    errors.invalid(POLICY, ipFamilyPolicy, detail)
  }
  if (ipFamilies.length > 0 && ipFamilies.length < old.ipFamilies.length) {
    const detail = "must be 'SingleStack' to release the secondary IP family"
    errors.invalid(POLICY, ipFamilyPolicy, detail)
  }
  return draft
}

const validateSingleStack = (draft: ServiceDraft, errors: FieldErrors): void => {
  if (draft.ipFamilyPolicy !== 'SingleStack') return
  const detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
  if (draft.clusterIPs.length === 2) {
    errors.invalid(POLICY, draft.ipFamilyPolicy, `${detail} cluster IPs are specified`)
  }
  if (draft.ipFamilies.length === 2) {
    errors.invalid(POLICY, draft.ipFamilyPolicy, `${detail} IP families are specified`)
  }
}

/** Families of addresses the caller asked for without naming their family. */
const inferFamilies = (
  draft: ServiceDraft,
  cluster: readonly IPFamily[],
  errors: FieldErrors,
): ServiceDraft => {
  if (isHeadlessDraft(draft)) return draft
  const unnamed = draft.clusterIPs.slice(draft.ipFamilies.length)
  const inferred = unnamed.flatMap((ip) => familyOf(ip) ?? [])
  inferred.forEach((family, i) => {
    if (cluster.includes(family)) return
    const field = `spec.clusterIPs[${draft.ipFamilies.length + i}]`
    errors.invalid(field, draft.clusterIPs, `${family} is not configured on this cluster`)
  })
  return { ...draft, ipFamilies: [...draft.ipFamilies, ...inferred] }
}

const validateAgainstCluster = (
  draft: ServiceDraft,
  cluster: readonly IPFamily[],
  errors: FieldErrors,
): void => {
  if (draft.ipFamilyPolicy === 'RequireDualStack' && cluster.length < 2) {
    const detail = 'this cluster is not configured for dual-stack services'
    errors.invalid(POLICY, draft.ipFamilyPolicy, detail)
  }
  draft.ipFamilies.forEach((family, i) => {
    if ((cluster as readonly string[]).includes(family)) return
    errors.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')
  })
}

/** The cluster's default family where none is named, and the other one where two are wanted. */
const completeFamilies = (
  draft: ServiceDraft,
  cluster: readonly IPFamily[],
  available: readonly IPFamily[],
): ServiceDraft => {
  const families = draft.ipFamilies.length > 0 ? draft.ipFamilies : cluster.slice(0, 1)
  if (draft.ipFamilyPolicy === 'SingleStack' || families.length > 1) {
    return { ...draft, ipFamilies: families }
  }
  return {
    ...draft,
    ipFamilies: [...families, ...available.filter((family) => !families.includes(family))],
  }
}

/** Reports what is wrong with clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy in themselves. */
const validateIPFields = (draft: ServiceDraft, errors: FieldErrors): void => {
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = draft
  if (clusterIP === '' && clusterIPs.length > 0) {
    errors.invalid('spec.clusterIPs', clusterIPs, 'must be empty when `clusterIP` is not specified')
  } else if (clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    errors.invalid('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`')
  }
  ipFamilies.forEach((family, i) => {
    const field = `spec.ipFamilies[${i}]`
    if (!(IP_FAMILIES as readonly string[]).includes(family)) {
      errors.notSupported(field, family, IP_FAMILIES)
    }
    if (ipFamilies.indexOf(family) < i) errors.duplicate(field, family)
  })
  const policies: readonly string[] = IP_FAMILY_POLICIES
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) {
    errors.notSupported(POLICY, ipFamilyPolicy, policies.toSorted())
  }
  validateClusterIPs(draft, errors)
}

const validateClusterIPs = (
  { clusterIPs, ipFamilies }: ServiceDraft,
  errors: FieldErrors,
): void => {
  const field = 'spec.clusterIPs'
  const before = errors.violations.length
  clusterIPs.forEach((ip, i) => {
    const isNone = i === 0 && ip === HEADLESS
    for (const problem of isNone ? [] : ipProblems(ip))
      errors.invalid(`${field}[${i}]`, ip, problem)
    if (isNone && clusterIPs.length > 1) {
      errors.invalid(field, clusterIPs, "'None' must be the first and only value")
    }
  })
  const isBad = errors.violations.length > before
  if (clusterIPs.length > 2) errors.invalid(field, clusterIPs, 'may only hold up to 2 values')
  if (isBad || clusterIPs[0] === HEADLESS) return
  const families = clusterIPs.map(familyOf)
  // One of each family is the only way for two addresses to do; more are too many anyway.
  if (families.length > 1 && (families.length > 2 || families[0] === families[1])) {
    errors.invalid(field, clusterIPs, 'may specify no more than one IP for each IP family')
  }
  families.forEach((family, i) => {
    const wanted = ipFamilies[i]
    const isKnown = wanted === 'IPv4' || wanted === 'IPv6'
    if (!isKnown || family === wanted) return
    const detail = `expected an ${wanted} value as indicated by \`ipFamilies[${i}]\``
    errors.invalid(`${field}[${i}]`, clusterIPs[i], detail)
  })
}

/**
 * Reports changes of addresses and families that are not allowed: the first ones
 * stay for good, the second ones come and go with the policy. Through
 * ExternalName everything may change.
 */
const validateFamilyChange = (
  draft: ServiceDraft,
  old: ServiceDraft,
  errors: FieldErrors,
): void => {
  if (!needsClusterIP(draft) || !needsClusterIP(old)) return
  const isHeadless = isHeadlessDraft(draft)
  const wasHeadless = isHeadlessDraft(old)
  if (isHeadless && wasHeadless) return
  validateListChange(CLUSTER_IPS, draft.clusterIPs, old.clusterIPs, draft, errors)
  if (isHeadless === wasHeadless) {
    validateListChange(FAMILIES, draft.ipFamilies, old.ipFamilies, draft, errors)
  }
}

const CLUSTER_IPS = { field: 'spec.clusterIPs', one: 'clusterIP' }
const FAMILIES = { field: 'spec.ipFamilies', one: 'ipFamily' }

const validateListChange = (
  { field, one }: { readonly field: string; readonly one: string },
  list: readonly string[],
  old: readonly string[],
  { ipFamilyPolicy }: ServiceDraft,
  errors: FieldErrors,
): void => {
  if (list.length === 0 && old.length > 0) {
    errors.invalid(`${field}[0]`, list, `primary ${one} can not be unset`)
  }
  // Where one was added or removed only the first can be compared.
  const compared = list.length === old.length ? list.length : Math.min(1, list.length, old.length)
  for (let i = 0; i < compared; i++) {
    if (list[i] !== old[i]) errors.invalid(`${field}[${i}]`, list, 'may not change once set')
  }
  if (list.length === 1 && old.length > 1 && ipFamilyPolicy !== 'SingleStack') {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${one}`
    errors.invalid(POLICY, ipFamilyPolicy, detail)
  }
}
