import type * as proto from '@roster/proto'
import type { PodFacts } from '../../model/endpoints.ts'
import type { PodInput } from '../../model/pod-admission.ts'
import { metaFrom, metaTo, timestampOf } from './meta.ts'

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
    },
    status: {
      podIPs: status?.podIps,
      phase: status?.phase,
      ready: status?.ready,
      terminating: status?.terminating,
    },
  }
}

/** A pod with what others say of it. */
export function podTo(facts: PodFacts, revision: number, isHeld: (lease: string) => boolean) {
  const { metadata, spec, status } = facts.pod
  const message: proto.Pod = {
    metadata: metaTo(metadata, revision),
    spec: { ...spec, ports: [...spec.ports] },
    status: {
      podIps: [...status.podIPs],
      phase: status.phase,
      ready: status.ready,
      terminating: status.terminating,
      leaseId: status.leaseId,
      disconnected: facts.disconnected,
      held: status.leaseId !== '' && isHeld(status.leaseId),
      lastTransitionTime: timestampOf(Date.parse(status.lastTransitionTime)),
    },
  }
  if (facts.override !== undefined) message.override = facts.override
  return message
}
