import { isIPv6 } from 'node:net'
import type { EmptyReason, Endpoint__Output, EndpointSet__Output } from '@roster/proto'
import { NONE, printFew } from './table.ts'

/** `10.0.0.1:80`, `[fd00::1]:80`. */
const hostPort = (host: string, port: number): string =>
  `${isIPv6(host) ? `[${host}]` : host}:${port}`

/** Every address of an endpoint with every port; without ports the addresses alone. */
export const addressesOf = ({ addresses, ports }: Endpoint__Output): readonly string[] =>
  ports.length === 0
    ? addresses
    : ports.flatMap(({ port }) => addresses.map((address) => hostPort(address, port)))

/** Where new calls may go: the first three, as kubectl shows them. */
export function printReady(set: EndpointSet__Output): string {
  return printFew(
    byAddress(set.endpoints.filter((e) => e.ready)).flatMap((e) => addressesOf(e)),
    NONE,
  )
}

/** In the order of their addresses, so that the same set always looks the same. */
export const byAddress = (endpoints: readonly Endpoint__Output[]): readonly Endpoint__Output[] =>
  endpoints.toSorted(
    (a, b) => compare(a.addresses[0] ?? '', b.addresses[0] ?? '') || compare(a.id, b.id),
  )

const compare = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

/** `Ready`, `Terminating` or `NotReady`. */
export function endpointState({ ready, terminating }: Endpoint__Output): string {
  if (terminating) return 'Terminating'
  return ready ? 'Ready' : 'NotReady'
}

const REASONS: Readonly<Record<keyof typeof EmptyReason, string>> = {
  EMPTY_REASON_UNSPECIFIED: 'no endpoints',
  EMPTY_REASON_NO_SUCH_SERVICE: 'there is no such service',
  EMPTY_REASON_NO_SELECTOR_MATCH: 'no pod has the labels the selector asks for',
  EMPTY_REASON_SCALED_TO_ZERO: 'scaled to zero',
  EMPTY_REASON_LEASES_EXPIRED: 'the leases of its last pods ran out',
  EMPTY_REASON_NO_ADDRESS: 'its pods have no address of its IP families, or have ended',
  EMPTY_REASON_NO_HAND_WRITTEN_ENDPOINTS: 'no selector, and no endpoints written by hand',
  EMPTY_REASON_EXTERNAL_NAME: 'an alias of an external name',
}

/** Why there are no endpoints, for people. */
export const printReason = (reason: string): string =>
  REASONS[reason as keyof typeof REASONS] ?? reason
