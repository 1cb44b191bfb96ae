import type { Pod } from './pod.ts'
import { type Probe, sameProbe } from './probe.ts'

/** Something the registry has found out about a pod (core/v1 PodCondition). */
export interface PodCondition {
  readonly type: 'Probed' | 'Reachable'
  readonly status: 'True' | 'False' | 'Unknown'
  /** One word why: `ConnectionRefused`. */
  readonly reason: string
  readonly message: string
  /** When `status` last changed, RFC 3339. */
  readonly lastTransitionTime: string
}

/**
 * What the probe of a pod says, stored under a key of its own and only when it
 * changes. It holds for one life of the pod and for the probe as it was asked.
 */
export interface Probed {
  readonly uid: string
  readonly probe: Probe
  readonly condition: PodCondition
}

/** The mark that holds for the pod as it is: of this life, and of the probe it now asks for. */
export function currentMark(pod: Pod, mark: Probed | undefined): Probed | undefined {
  const probe = pod.spec.readinessProbe
  if (probe === undefined || mark?.uid !== pod.metadata.uid) return undefined
  return sameProbe(probe, mark.probe) ? mark : undefined
}

/** Whether the pod's probe, where it has one, says that the pod can serve. */
export const isProven = (pod: Pod, mark: Probed | undefined): boolean =>
  pod.spec.readinessProbe === undefined || currentMark(pod, mark)?.condition.status === 'True'

/** What is known of the pod's probe; undefined for a pod without one. */
export function probedCondition(pod: Pod, mark: Probed | undefined): PodCondition | undefined {
  if (pod.spec.readinessProbe === undefined) return undefined
  return currentMark(pod, mark)?.condition ?? notYet(pod.metadata.creationTimestamp)
}

const notYet = (lastTransitionTime: string): PodCondition => ({
  type: 'Probed',
  status: 'Unknown',
  reason: 'NotYetDecided',
  message: 'too few probes in a row had the same outcome so far',
  lastTransitionTime,
})
