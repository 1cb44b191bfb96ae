import type { EndpointSet__Output, EndpointSlice__Output } from '@roster/proto'
import { addressesOf, byAddress, endpointState, printReason } from './addresses.ts'
import { details, NONE, sortedPairs, table } from './table.ts'

/** A service's endpoints with all that is known of each. */
export function describeEndpoints(set: EndpointSet__Output): string {
  const head = details([
    ['Name', set.service],
    ['Namespace', set.namespace],
    ['Endpoints', countOf(set)],
  ])
  if (set.endpoints.length === 0) return head
  const rows = byAddress(set.endpoints).map((e) => [
    e.pod || e.id,
    addressesOf(e).join(',') || NONE,
    endpointState(e),
    e.nodeName || NONE,
    e.zone || NONE,
    String(e.weight),
  ])
  return `${head}\n${table([['ENDPOINT', 'ADDRESSES', 'STATE', 'NODE', 'ZONE', 'WEIGHT'], ...rows])}`
}

function countOf({ emptyReason, endpoints }: EndpointSet__Output): string {
  if (endpoints.length === 0) return `${NONE} (${printReason(emptyReason)})`
  return `${endpoints.length} (${endpoints.filter((e) => e.ready).length} ready)`
}

/** A hand-written slice with all that stands in it. */
export function describeEndpointSlice(slice: EndpointSlice__Output): string {
  const head = details([
    ['Name', slice.metadata?.name ?? ''],
    ['Namespace', slice.metadata?.namespace ?? ''],
    ['Labels', sortedPairs(slice.metadata?.labels ?? {})],
    ['Annotations', sortedPairs(slice.metadata?.annotations ?? {})],
    ['AddressType', slice.addressType],
    ['Ports', slice.ports.map((p) => `${p.name || '<unset>'}  ${p.port}/${p.protocol}`)],
  ])
  if (slice.endpoints.length === 0) return head
  const rows = slice.endpoints.map((e) => [
    e.addresses.join(','),
    String(e.conditions?.ready ?? true),
    e.hostname || NONE,
    e.nodeName || NONE,
    e.zone || NONE,
  ])
  return `${head}\n${table([['ADDRESSES', 'READY', 'HOSTNAME', 'NODE', 'ZONE'], ...rows])}`
}
