import type * as proto from '@roster/proto'
import type { PodFacts } from '../../model/endpoints.ts'
import { fullName } from '../../model/meta.ts'
import type { PodInput } from '../../model/pod-admission.ts'
import { type PodCondition, probedCondition } from '../../model/probed.ts'
import { metaFrom, metaTo, timestampOf } from './meta.ts'
import { conditionTo, probeTo } from './probe.ts'

/** A pod as a caller gives it. */
export function podFrom(message: proto.Pod__Output | null): PodInput {
  const spec = message?.spec
  const status = message?.status
  return {
    metadata: metaFrom(message?.metadata),
    spec: {
      ports: spec?.ports,
      nodeName: spec?.nodeName,
      zone: spec?.zone,
      hostname: spec?.hostname,
      subdomain: spec?.subdomain,
      weight: spec?.weight,
      notIdempotentMethods: spec?.notIdempotentMethods,
      readinessProbe: spec?.readinessProbe,
    },
    status: {
      podIPs: status?.podIps,
      phase: status?.phase,
      ready: status?.ready,
      terminating: status?.terminating,
    },
  }
}

/** What the registry knows of pods and does not store. */
export interface PodKnowledge {
  /** Whether the lease has run out and is held. */
  isHeld(lease: string): boolean
  /** Whether the pod could be connected to when it registered; `pod` is `namespace/name`. */
  reachable(pod: string): PodCondition | undefined
}

/** A pod with what others say of it. */
export function podTo(facts: PodFacts, revision: number, known: PodKnowledge) {
  const { metadata, spec, status } = facts.pod
  const { readinessProbe } = spec
  const conditions = [probedCondition(facts.pod, facts.probed), known.reachable(fullName(metadata))]
  const message: proto.Pod = {
    metadata: metaTo(metadata, revision),
    spec: {
      ...spec,
      ports: [...spec.ports],
      notIdempotentMethods: [...(spec.notIdempotentMethods ?? [])],
      readinessProbe: readinessProbe === undefined ? null : probeTo(readinessProbe),
    },
    status: {
      podIps: [...status.podIPs],
      phase: status.phase,
      ready: status.ready,
      terminating: status.terminating,
      leaseId: status.leaseId,
      disconnected: facts.disconnected,
      held: status.leaseId !== '' && known.isHeld(status.leaseId),
      lastTransitionTime: timestampOf(Date.parse(status.lastTransitionTime)),
      conditions: conditions.filter((one) => one !== undefined).map(conditionTo),
    },
  }
  if (facts.override !== undefined) message.override = facts.override
  return message
}
