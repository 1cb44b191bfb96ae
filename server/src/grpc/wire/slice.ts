import type * as proto from '@roster/proto'
import type { EndpointSlice } from '../../model/endpoint-slice.ts'
import type { Stored } from '../../model/meta.ts'
import type { SliceInput } from '../../model/slice-admission.ts'
import { metaFrom, metaTo } from './meta.ts'

/** A hand-written slice as a caller gives it. */
export const sliceFrom = (message: proto.EndpointSlice__Output | null): SliceInput => ({
  metadata: metaFrom(message?.metadata),
  addressType: message?.addressType ?? '',
  endpoints: (message?.endpoints ?? []).map(({ conditions, ...endpoint }) => ({
    ...endpoint,
    conditions: conditions ?? undefined,
  })),
  ports: message?.ports ?? [],
})

export const sliceTo = ({ object, revision }: Stored<EndpointSlice>): proto.EndpointSlice => ({
  metadata: metaTo(object.metadata, revision),
  addressType: object.addressType,
  endpoints: object.endpoints.map((e) => ({ ...e, addresses: [...e.addresses] })),
  ports: [...object.ports],
})
