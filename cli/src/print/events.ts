import type { WatchEndpointsResponse__Output } from '@roster/proto'
import type { EndpointEvent } from '../endpoint-log.ts'
import { addressesOf, endpointState, printReason } from './addresses.ts'
import { NONE } from './table.ts'
import { rfc3339Ms } from './timestamp.ts'

export type EventStyle = 'table' | 'wide'

interface EventColumn {
  readonly title: string
  /** What its cells will likely take. */
  readonly width: number
}

const TABLE: readonly EventColumn[] = [
  { title: 'TIME', width: 12 },
  { title: 'SERVICE', width: 20 },
  { title: 'EVENT', width: 7 },
  { title: 'ENDPOINT', width: 20 },
  { title: 'ADDRESSES', width: 21 },
  { title: 'STATE', width: 11 },
]

/** Columns of the rows of `watch`. */
export const EVENT_COLUMNS: Readonly<Record<EventStyle, readonly EventColumn[]>> = {
  table: TABLE,
  wide: [
    ...TABLE,
    { title: 'REVISION', width: 8 },
    { title: 'NODE', width: 12 },
    { title: 'ZONE', width: 12 },
    { title: 'WEIGHT', width: 6 },
  ],
}

/** One row of `watch`; the time is that of the change, in UTC. */
export function eventCells(
  { emptyReason, endpoint, namespace, service, type }: EndpointEvent,
  { revision, triggerTime }: WatchEndpointsResponse__Output,
  style: EventStyle,
): readonly string[] {
  const head = [rfc3339Ms(triggerTime)?.slice(11, 23) ?? '-', `${namespace}/${service}`, type]
  if (endpoint === undefined) {
    const cells = [...head, NONE, NONE, printReason(emptyReason ?? '')]
    return style === 'table' ? cells : [...cells, String(revision), NONE, NONE, NONE]
  }
  const cells = [
    ...head,
    endpoint.pod || endpoint.id,
    addressesOf(endpoint).join(',') || NONE,
    type === 'REMOVED' ? NONE : endpointState(endpoint),
  ]
  if (style === 'table') return cells
  const { nodeName, weight, zone } = endpoint
  return [...cells, String(revision), nodeName || NONE, zone || NONE, String(weight)]
}

/** One line of `watch -o json`. */
export function eventJson(
  { emptyReason, endpoint, namespace, service, type }: EndpointEvent,
  { revision, triggerTime }: WatchEndpointsResponse__Output,
): object {
  return {
    type,
    revision,
    ...(triggerTime !== null && { triggerTime: rfc3339Ms(triggerTime) }),
    namespace,
    service,
    ...(endpoint !== undefined && { endpoint: { ...endpoint, hash: undefined } }),
    ...(emptyReason !== undefined && { emptyReason }),
  }
}
