import type { Pod__Output, PodStatus__Output } from '@roster/proto'
import { podStatus } from './pod-status.ts'
import { printProbe } from './probe.ts'
import { details, NONE, sortedPairs, table } from './table.ts'
import { rfc3339 } from './timestamp.ts'

/** What `kubectl describe pod` says of a pod, as far as a registry knows. */
export function describePod(pod: Pod__Output): string {
  const { metadata, override, spec, status } = pod
  const pairs = details([
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
    ['Not idempotent', spec?.notIdempotentMethods ?? []],
    ['Readiness', printProbe(spec?.readinessProbe)],
    ['Lease', status?.leaseId || `${NONE} (stays until it is deregistered)`],
  ])
  return pairs + describeConditions(status)
}

/** What the registry has found out, or nothing where that is nothing. */
function describeConditions(status: PodStatus__Output | null): string {
  const conditions = status?.conditions ?? []
  if (conditions.length === 0) return ''
  const rows = conditions.map(({ type, status, lastTransitionTime, reason, message }) => [
    `  ${type}`,
    status,
    rfc3339(lastTransitionTime) ?? NONE,
    reason,
    message,
  ])
  return `Conditions:\n${table([['  Type', 'Status', 'Since', 'Reason', 'Message'], ...rows])}`
}

const printWeight = (own: number | undefined, override: number | undefined): string =>
  override === undefined ? String(own ?? 0) : `${override} (override; its own is ${own ?? 0})`

function printReady(status: PodStatus__Output | null): string {
  const ready = status?.ready === true ? 'True' : 'False'
  const since = rfc3339(status?.lastTransitionTime ?? null)
  return since === undefined ? ready : `${ready} (since ${since})`
}
