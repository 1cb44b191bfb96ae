import type { Labels } from './meta.ts'

/**
 * One port as a caller gives it. Absent, '' and 0 stand for "not said", except
 * for appProtocol, where only absence does.
 */
export interface ServicePortInput {
  readonly name?: string | undefined
  readonly protocol?: string | undefined
  readonly appProtocol?: string | undefined
  readonly port?: number | undefined
  /** A number, or a name; digits in a text are a number. */
  readonly targetPort?: number | string | undefined
  readonly nodePort?: number | undefined
}

export interface RequirementInput {
  readonly key: string
  readonly operator: string
  readonly values?: readonly string[] | undefined
}

/**
 * core/v1 ServiceSpec as a caller gives it: nothing is required and no value has
 * been checked. Absent, '', 0 and [] stand for "not said", except for the
 * members Kubernetes has as pointers (appProtocol, loadBalancerClass,
 * trafficDistribution, timeoutSeconds, allocateLoadBalancerNodePorts), where
 * only absence does.
 */
export interface ServiceSpecInput {
  readonly type?: string | undefined
  readonly ports?: readonly ServicePortInput[] | undefined
  readonly selector?: Labels | undefined
  readonly matchExpressions?: readonly RequirementInput[] | undefined
  readonly clusterIP?: string | undefined
  readonly clusterIPs?: readonly string[] | undefined
  readonly ipFamilies?: readonly string[] | undefined
  readonly ipFamilyPolicy?: string | undefined
  readonly externalName?: string | undefined
  readonly externalIPs?: readonly string[] | undefined
  readonly sessionAffinity?: string | undefined
  readonly sessionAffinityConfig?:
    | { readonly clientIP?: { readonly timeoutSeconds?: number | undefined } | undefined }
    | undefined
  readonly internalTrafficPolicy?: string | undefined
  readonly externalTrafficPolicy?: string | undefined
  readonly healthCheckNodePort?: number | undefined
  readonly publishNotReadyAddresses?: boolean | undefined
  readonly allocateLoadBalancerNodePorts?: boolean | undefined
  readonly loadBalancerClass?: string | undefined
  readonly loadBalancerSourceRanges?: readonly string[] | undefined
  readonly loadBalancerIP?: string | undefined
  readonly trafficDistribution?: string | undefined
}

/** A service as a caller gives it to be created or changed. */
export interface ServiceInput {
  readonly metadata: {
    readonly name: string
    /** Default `default`. */
    readonly namespace?: string | undefined
    /** On a change, if given, the uid the caller means; ignored on creation. */
    readonly uid?: string | undefined
    readonly labels?: Labels | undefined
    readonly annotations?: Labels | undefined
  }
  readonly spec: ServiceSpecInput
}
