import { RegistryError } from './errors.ts'
import { FieldErrors } from './field-errors.ts'
import { DEFAULT_NAMESPACE, type Labels, type ObjectMeta } from './meta.ts'
import {
  type ContainerPort,
  DEFAULT_WEIGHT,
  type Pod,
  type PodOverride,
  type PodPhase,
  type PodSpec,
  type PodStatus,
} from './pod.ts'
import { validatePhase, validatePod, validateWeight } from './pod-validation.ts'
import { type ProbeInput, toProbe } from './probe-admission.ts'
import type { Protocol } from './service.ts'

/** A pod as its registration says it; what is absent or '' has a default. */
export interface PodInput {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string | undefined
    readonly uid?: string | undefined
    readonly labels?: Labels | undefined
    readonly annotations?: Labels | undefined
  }
  readonly spec?:
    | {
        readonly ports?: readonly ContainerPortInput[] | undefined
        readonly nodeName?: string | undefined
        readonly zone?: string | undefined
        readonly hostname?: string | undefined
        readonly subdomain?: string | undefined
        readonly weight?: number | undefined
        readonly notIdempotentMethods?: readonly string[] | undefined
        readonly readinessProbe?: ProbeInput | null | undefined
      }
    | undefined
  readonly status?:
    | {
        readonly podIPs?: readonly string[] | undefined
        readonly phase?: string | undefined
        readonly ready?: boolean | undefined
        readonly terminating?: boolean | undefined
      }
    | undefined
}

export interface ContainerPortInput {
  readonly name?: string | undefined
  readonly containerPort?: number | undefined
  readonly protocol?: string | undefined
}

/** What the registry adds to a registration. */
export interface FreshPod {
  /** For a pod that did not choose one. */
  readonly uid: string
  /** RFC 3339. */
  readonly now: string
  /** '' for a pod that lives until it is deregistered. */
  readonly leaseId: string
}

/** What a pod newly says of itself; absent members stay. */
export interface PodStatusPatch {
  readonly ready?: boolean | undefined
  readonly terminating?: boolean | undefined
  readonly phase?: string | undefined
  readonly weight?: number | undefined
}

/**
 * The pod to store for a registration: defaults filled in and validated as
 * core/v1 does. `old` is the pod of that name now: with the same uid the new one
 * is the same life and keeps its creation time, and its transition time while
 * `ready` stays. Takes over the input's labels, annotations and addresses.
 * Fails with INVALID, a violation for each bad field.
 */
export const admitPod = (input: PodInput, old: Pod | undefined, fresh: FreshPod): Pod => {
  const uid = input.metadata.uid || fresh.uid
  const sameLife = old?.metadata.uid === uid ? old : undefined
  const pod: Pod = {
    metadata: toMetadata(input.metadata, uid, sameLife?.metadata.creationTimestamp ?? fresh.now),
    spec: toSpec(input.spec),
    status: toStatus(input.status, sameLife?.status, fresh),
  }
  const errors = new FieldErrors()
  validatePod(pod, errors)
  errors.throwIfAny('Pod', pod.metadata.name)
  return pod
}

/**
 * The pod after it has said something new of itself; the very same object when
 * that changes nothing. Fails with INVALID.
 */
export const updatePodStatus = (pod: Pod, patch: PodStatusPatch, now: string): Pod => {
  const { status, spec } = pod
  const ready = patch.ready ?? status.ready
  const terminating = patch.terminating ?? status.terminating
  const phase = (patch.phase ?? status.phase) as PodPhase
  const weight = patch.weight ?? spec.weight
  const statusStays =
    ready === status.ready && terminating === status.terminating && phase === status.phase
  if (statusStays && weight === spec.weight) return pod
  const errors = new FieldErrors()
  validatePhase(phase, errors)
  validateWeight(weight, 'spec.weight', errors)
  errors.throwIfAny('Pod', pod.metadata.name)
  const lastTransitionTime = ready === status.ready ? status.lastTransitionTime : now
  return {
    metadata: pod.metadata,
    spec: weight === spec.weight ? spec : { ...spec, weight },
    status: statusStays ? status : { ...status, ready, terminating, phase, lastTransitionTime },
  }
}

/** Makes sure of what the operator wants of a pod. Fails with INVALID. */
export const validateOverride = (override: PodOverride): void => {
  if (override.weight === undefined) return
  const errors = new FieldErrors()
  validateWeight(override.weight, 'override.weight', errors)
  if (errors.violations.length === 0) return
  throw new RegistryError('INVALID', `override is invalid: its weight is ${override.weight}`, {
    violations: errors.violations,
  })
}

const toMetadata = (
  metadata: PodInput['metadata'],
  uid: string,
  creationTimestamp: string,
): ObjectMeta => ({
  name: metadata.name,
  namespace: metadata.namespace || DEFAULT_NAMESPACE,
  uid,
  labels: metadata.labels ?? {},
  annotations: metadata.annotations ?? {},
  creationTimestamp,
})

const toSpec = (spec: PodInput['spec'] = {}): PodSpec => ({
  ports: (spec.ports ?? []).map(toContainerPort),
  nodeName: spec.nodeName ?? '',
  zone: spec.zone ?? '',
  hostname: spec.hostname ?? '',
  subdomain: spec.subdomain ?? '',
  weight: spec.weight ?? DEFAULT_WEIGHT,
  ...(spec.notIdempotentMethods?.length && { notIdempotentMethods: spec.notIdempotentMethods }),
  ...(spec.readinessProbe && { readinessProbe: toProbe(spec.readinessProbe) }),
})

// A cast says what validation then makes sure of.
const toStatus = (
  status: PodInput['status'] = {},
  old: PodStatus | undefined,
  { leaseId, now }: FreshPod,
): PodStatus => {
  const ready = status.ready ?? true
  return {
    podIPs: status.podIPs ?? [],
    phase: (status.phase || 'Running') as PodPhase,
    ready,
    terminating: status.terminating ?? false,
    leaseId,
    lastTransitionTime: old?.ready === ready ? old.lastTransitionTime : now,
  }
}

const toContainerPort = (port: ContainerPortInput): ContainerPort => ({
  name: port.name ?? '',
  containerPort: port.containerPort ?? 0,
  protocol: (port.protocol || 'TCP') as Protocol,
})
