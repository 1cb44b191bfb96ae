import type { ServiceName } from './endpoint-set.ts'
import type { RosterError } from './roster-error.ts'

/** An endpoint of a channel. */
interface EndpointName {
  /** `namespace/service` the channel is for. */
  readonly target: string
  /** Id of the endpoint in its set. */
  readonly endpoint: string
}

/** Something that happened behind the scenes, for logs and metrics. */
export type RosterEvent =
  /** The watch stream stands. */
  | { readonly type: 'watching' }
  /** The watch stream broke; endpoints stay in use as they were. */
  | { readonly type: 'watch_broken'; readonly error: RosterError; readonly retryInMs: number }
  /** A set did not add up to the registry's digest and was asked for anew. */
  | ({ readonly type: 'resync' } & ServiceName)
  /** The registry has not confirmed a set for more than three bookmarks; it stays in use. */
  | ({ readonly type: 'stale'; readonly stalenessMs: number } & ServiceName)
  /**
   * A registry that has lost its data says most of a service's endpoints are gone:
   * those stay in use for a while, unless it says more of them.
   */
  | ({
      readonly type: 'protected'
      readonly endpoints: number
      readonly forMs: number
    } & ServiceName)
  /** An annotation of a service says what this SDK cannot do; what it said before stays. */
  | ({
      readonly type: 'annotation_ignored'
      readonly annotation: string
      readonly reason: string
    } & ServiceName)
  /** The snapshot file cannot be used, or not be written. */
  | { readonly type: 'snapshot_failed'; readonly file: string; readonly reason: string }
  /** A pod is registered, for the first time or anew. */
  | { readonly type: 'registered'; readonly pod: string; readonly leaseId: string }
  /** A pod could not be registered now, and keeps no other from it; it will be tried again. */
  | { readonly type: 'registration_delayed'; readonly pod: string; readonly error: RosterError }
  /**
   * A pod gets no new calls; what is left are the calls under way. Laggards are the
   * watchers that had not acknowledged that in time, by name.
   */
  | { readonly type: 'drained'; readonly pod: string; readonly laggards: readonly string[] }
  /** A pod drains without the registry's word that its callers know: it could not be asked. */
  | { readonly type: 'drain_unacknowledged'; readonly pod: string; readonly error: RosterError }
  /** The stream of the lease stands, for the first time or again. */
  | { readonly type: 'lease_alive'; readonly leaseId: string }
  /** The registry could not be told of this process; it will be tried again. */
  | { readonly type: 'lease_broken'; readonly error: RosterError; readonly retryInMs: number }
  /** The lease ran out; all pods will be registered under a new one. */
  | { readonly type: 'lease_lost' }
  /** The registry refuses a pod, or another process has taken its name. It is not tried again. */
  | { readonly type: 'registration_lost'; readonly pod: string; readonly error: RosterError }
  /** Calls to an endpoint fail though its connection stands: a channel gives it none for a while. */
  | ({ readonly type: 'ejected'; readonly reason: string; readonly forMs: number } & EndpointName)
  /** An ejected endpoint gets calls again. */
  | ({ readonly type: 'returned' } & EndpointName)
  /** So many of the endpoints that stand are ejected that all of them are used. */
  | {
      readonly type: 'panic'
      readonly target: string
      readonly ejected: number
      readonly endpoints: number
    }

/** Is told of events, one after another, in the middle of what caused them. Must not throw. */
export type EventListener = (event: RosterEvent) => void
