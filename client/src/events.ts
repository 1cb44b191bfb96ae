import type { ServiceName } from './endpoint-set.ts'
import type { RosterError } from './roster-error.ts'

/** Something that happened behind the scenes, for logs and metrics. */
export type RosterEvent =
  /** The watch stream stands. */
  | { readonly type: 'watching' }
  /** The watch stream broke; endpoints stay in use as they were. */
  | { readonly type: 'watch_broken'; readonly error: RosterError; readonly retryInMs: number }
  /** A set did not add up to the registry's digest and was asked for anew. */
  | ({ readonly type: 'resync' } & ServiceName)
  /** A pod is registered, for the first time or anew. */
  | { readonly type: 'registered'; readonly pod: string }
  /** The registry could not be told of this process; it will be tried again. */
  | { readonly type: 'lease_broken'; readonly error: RosterError; readonly retryInMs: number }
  /** The lease ran out; all pods will be registered under a new one. */
  | { readonly type: 'lease_lost' }
  /** The registry refuses a pod, or another process has taken its name. It is not tried again. */
  | { readonly type: 'registration_lost'; readonly pod: string; readonly error: RosterError }

export type EventListener = (event: RosterEvent) => void
