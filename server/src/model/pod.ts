import type { ObjectMeta } from './meta.ts'
import type { Probe } from './probe.ts'
import type { Protocol } from './service.ts'

export const POD_PHASES = ['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'] as const
export type PodPhase = (typeof POD_PHASES)[number]

/** Weight of a pod that says nothing, and the greatest there is. */
export const DEFAULT_WEIGHT = 100
export const MAX_WEIGHT = 10_000

export interface ContainerPort {
  readonly name: string
  readonly containerPort: number
  readonly protocol: Protocol
}

/** What a pod is. */
export interface PodSpec {
  readonly ports: readonly ContainerPort[]
  readonly nodeName: string
  readonly zone: string
  readonly hostname: string
  readonly subdomain: string
  readonly weight: number
  /**
   * gRPC methods that must not run twice: `package.Service/Method` or
   * `package.Service/*`. Absent: none.
   */
  readonly notIdempotentMethods?: readonly string[]
  /** Absent: the pod's word is taken for it. */
  readonly readinessProbe?: Probe
}

/** How a pod is, by its own word. */
export interface PodStatus {
  readonly podIPs: readonly string[]
  readonly phase: PodPhase
  readonly ready: boolean
  readonly terminating: boolean
  /** Lease the pod lives by; '' when it lives until it is deregistered. */
  readonly leaseId: string
  /** When `ready` last changed, RFC 3339. */
  readonly lastTransitionTime: string
}

export interface Pod {
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  readonly status: PodStatus
}

/**
 * What the operator wants of a pod, stored under a key of its own so that it
 * survives every registration of the pod.
 */
export interface PodOverride {
  readonly maintenance: boolean
  readonly weight?: number
}

/** Mark of a lease whose stream broke: all its pods count as not ready. Stored once per lease. */
export interface Disconnected {
  /** RFC 3339. */
  readonly since: string
}
