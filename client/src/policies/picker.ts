import type { Endpoint } from '../endpoint-set.ts'
import type { Picker, Subchannel } from '../grpc/adapter.ts'

/** An endpoint with a connection that stands. */
export interface ReadyEndpoint {
  /** Endpoint and address: the same for as long as its connection is. */
  readonly key: string
  readonly endpoint: Endpoint
  readonly subchannel: Subchannel
}

/** A way to pick: makes the picker for the endpoints that are ready now. At least one. */
export type PickerFactory = (ready: readonly ReadyEndpoint[]) => Picker
