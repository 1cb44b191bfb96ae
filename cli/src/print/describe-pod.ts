import type { Pod__Output, PodStatus__Output } from '@roster/proto'
import { podStatus } from './pod-status.ts'
import { details, NONE, sortedPairs } from './table.ts'
import { rfc3339 } from './timestamp.ts'

/** What `kubectl describe pod` says of a pod, as far as a registry knows. */
export function describePod(pod: Pod__Output): string {
  const { metadata, override, spec, status } = pod
  return details([
    ['Name', metadata?.name ?? ''],
    ['Namespace', metadata?.namespace ?? ''],
    ['UID', metadata?.uid ?? ''],
    ['Node', spec?.nodeName || NONE],
    ['Zone', spec?.zone || NONE],
    ['Registered', rfc3339(metadata?.creationTimestamp ?? null) ?? NONE],
    ['Labels', sortedPairs(metadata?.labels ?? {})],
    ['Annotations', sortedPairs(metadata?.annotations ?? {})],
    ['Status', podStatus(pod)],
    ['Ready', printReady(status)],
    ['IPs', status?.podIps ?? []],
    [
      'Ports',
      (spec?.ports ?? []).map(
        (p) => `${p.name === '' ? '' : `${p.name}  `}${p.containerPort}/${p.protocol}`,
      ),
    ],
    ['Hostname', [spec?.hostname, spec?.subdomain].filter(Boolean).join('.') || NONE],
    ['Weight', printWeight(spec?.weight, override?.weight)],
    ['Lease', status?.leaseId || `${NONE} (stays until it is deregistered)`],
  ])
}

const printWeight = (own: number | undefined, override: number | undefined): string =>
  override === undefined ? String(own ?? 0) : `${override} (override; its own is ${own ?? 0})`

function printReady(status: PodStatus__Output | null): string {
  const ready = status?.ready === true ? 'True' : 'False'
  const since = rfc3339(status?.lastTransitionTime ?? null)
  return since === undefined ? ready : `${ready} (since ${since})`
}
