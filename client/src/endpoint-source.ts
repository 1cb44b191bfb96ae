import type { Consumer } from './consumer.ts'
import type { EndpointSet, ServiceName } from './endpoint-set.ts'
import type { RosterError } from './roster-error.ts'

export type { Endpoint, EndpointSet, ServiceName } from './endpoint-set.ts'

/**
 * What is known of a service: its set, as soon as there was one, however long ago
 * the registry was last heard of; until then the error, if there was one.
 */
export interface EndpointState {
  readonly set?: EndpointSet
  /**
   * The set is what a former life of this process knew, and the registry has not
   * been heard of since.
   */
  readonly isStale?: true
  readonly error?: RosterError
}

export type EndpointListener = (state: EndpointState) => void

/** Where the endpoints of services come from. */
export interface EndpointSource {
  /** Address of the registry, `host:port`. */
  readonly address: string
  /** The process on whose behalf endpoints are asked for. */
  readonly consumer: Consumer
  /**
   * Tells the listener what is known of the service and every change of it, until
   * the function returned is called. Never calls back before it has returned.
   */
  subscribe(name: ServiceName, listener: EndpointListener): () => void
  /** Aborted when there is nothing more to come: the connection was closed. */
  readonly closed: AbortSignal
}
