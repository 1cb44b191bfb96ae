import type { ObjectMeta } from './meta.ts'
import type { IPFamily, Protocol } from './service.ts'

/** One hand-written endpoint, conditions already defaulted. */
export interface SliceEndpoint {
  readonly addresses: readonly string[]
  readonly conditions: {
    readonly ready: boolean
    readonly serving: boolean
    readonly terminating: boolean
  }
  readonly hostname: string
  readonly nodeName: string
  readonly zone: string
}

export interface SlicePort {
  readonly name: string
  readonly protocol: Protocol
  readonly port: number
  readonly appProtocol?: string
}

/** Endpoints written by hand for a service without selector (discovery/v1 EndpointSlice). */
export interface EndpointSlice {
  readonly metadata: ObjectMeta
  readonly addressType: IPFamily
  readonly endpoints: readonly SliceEndpoint[]
  readonly ports: readonly SlicePort[]
}
