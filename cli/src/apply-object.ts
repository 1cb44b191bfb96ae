import { isDeepStrictEqual } from 'node:util'
import type { ApplyOutcome, Pod, Pod__Output } from '@roster/proto'
import type { Connection } from './connection.ts'
import { isNotFound } from './errors.ts'
import type { ManifestObject } from './manifest/read.ts'
import { sent } from './resources/pages.ts'

/** How far an apply goes. */
export type ApplyMode = 'store' | 'dry-run'

export type Outcome = 'created' | 'configured' | 'unchanged'

const OUTCOMES: Readonly<Record<keyof typeof ApplyOutcome, Outcome>> = {
  // Never sent: take it for the one that promises least.
  APPLY_OUTCOME_UNSPECIFIED: 'configured',
  APPLY_OUTCOME_CREATED: 'created',
  APPLY_OUTCOME_CONFIGURED: 'configured',
  APPLY_OUTCOME_UNCHANGED: 'unchanged',
}

/** Creates or changes one object. `namespace` is where it goes; a resourceVersion it has must hold. */
export async function applyObject(
  object: ManifestObject,
  namespace: string,
  mode: ApplyMode,
  connection: Connection,
): Promise<Outcome> {
  const metadata = { ...object.message.metadata, namespace }
  if (object.kind === 'pods') return applyPod({ ...object.message, metadata }, mode, connection)
  const { resourceVersion } = object.meta
  const how = {
    dryRun: mode === 'dry-run',
    ...(resourceVersion !== undefined && { expectedRevision: resourceVersion }),
  }
  const { outcome } =
    object.kind === 'services'
      ? await connection.catalog.applyService({ service: { ...object.message, metadata }, ...how })
      : await connection.endpoints.applyEndpointSlice({
          endpointSlice: { ...object.message, metadata },
          ...how,
        })
  return OUTCOMES[outcome]
}

/**
 * A pod is registered rather than applied, and its newest registration owns it.
 * So that a manifest does not take a pod away from the process that keeps it
 * alive, it goes on under the uid and lease it has, and one that says nothing
 * new is not sent at all.
 */
async function applyPod(pod: Pod, mode: ApplyMode, { pods }: Connection): Promise<Outcome> {
  const old = await pods
    .getPod({ namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '' })
    .then((answer) => sent(answer.pod))
    .catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw error
    })
  const uid = pod.metadata?.uid || (old?.metadata?.uid ?? '')
  const next = { ...pod, metadata: { ...pod.metadata, uid } }
  if (old !== undefined && isDeepStrictEqual(wordsOf(next), wordsOf(old))) return 'unchanged'
  if (mode === 'store') {
    await pods.registerPod({ pod: next, leaseId: old?.status?.leaseId ?? '' })
  }
  return old === undefined ? 'created' : 'configured'
}

/** What a manifest can say of a pod, in one form for what is sent and what is read. */
function wordsOf({ metadata, spec, status }: Pod | Pod__Output): unknown {
  return {
    uid: metadata?.uid ?? '',
    labels: { ...metadata?.labels },
    annotations: { ...metadata?.annotations },
    ports: (spec?.ports ?? []).map((p) => [p.name ?? '', p.containerPort, p.protocol]),
    spec: [spec?.nodeName, spec?.zone, spec?.hostname, spec?.subdomain, spec?.weight],
    addresses: status?.podIps ?? [],
    status: [status?.phase, status?.ready, status?.terminating],
  }
}
