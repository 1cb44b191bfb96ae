import type { Endpoint } from '../endpoint-set.ts'
import type { Subchannel } from '../grpc/adapter.ts'
import type { EndpointLoad } from './endpoint-load.ts'

/** An endpoint with a connection that stands. */
export interface ReadyEndpoint {
  /** Endpoint and address: the same for as long as its connection is. */
  readonly key: string
  readonly endpoint: Endpoint
  readonly subchannel: Subchannel
  /** What its calls have shown; the same object for as long as the connection is. */
  readonly load: EndpointLoad
  /** Share of the calls against the other endpoints, after slow start; above 0. */
  readonly weight: number
}
