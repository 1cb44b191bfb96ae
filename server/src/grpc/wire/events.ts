import type * as proto from '@roster/proto'
import { EndpointService } from '@roster/proto'
import type { Endpoint } from '../../model/endpoints.ts'
import type { EventEncoder } from '../../registry/encoder.ts'
import type { EndpointSet } from '../../registry/endpoint-set.ts'
import { frame } from '../push.ts'
import { timestampOf } from './meta.ts'
import { serviceTo } from './service.ts'

/** A set as messages carry it. */
export function endpointSetTo(set: EndpointSet): proto.EndpointSet {
  const message: proto.EndpointSet = {
    namespace: set.namespace,
    service: set.name,
    endpoints: Array.from(set.endpoints(), endpointTo),
    emptyReason: reasonTo(set),
    hash: set.hash,
  }
  if (set.definition !== undefined) message.definition = serviceTo(set.definition)
  return message
}

const endpointTo = (endpoint: Endpoint): proto.Endpoint => ({
  ...endpoint,
  addresses: [...endpoint.addresses],
  ports: [...endpoint.ports],
  notIdempotentMethods: [...endpoint.notIdempotentMethods],
})

const reasonTo = (set: EndpointSet) =>
  set.emptyReason === undefined
    ? 'EMPTY_REASON_UNSPECIFIED'
    : (`EMPTY_REASON_${set.emptyReason}` as const)

const bytes = (message: proto.WatchEndpointsResponse): Buffer =>
  frame(EndpointService.watchEndpoints.responseSerialize(message))

/** Writes what watchers are told as WatchEndpointsResponse messages, framed for the stream. */
export const eventEncoder: EventEncoder = {
  snapshot: (set, revision, timeMs) =>
    bytes({ revision, triggerTime: timestampOf(timeMs), snapshot: endpointSetTo(set) }),

  change: (set, { added, changed, removed }, revision, timeMs) =>
    bytes({
      revision,
      triggerTime: timestampOf(timeMs),
      change: {
        namespace: set.namespace,
        service: set.name,
        added: added.map(endpointTo),
        changed: changed.map(endpointTo),
        removed: [...removed],
        emptyReason: reasonTo(set),
        hash: set.hash,
      },
    }),

  bookmark: (digests, revision, storeId) =>
    bytes({ revision, bookmark: { storeId, sets: [...digests] } }),
}
