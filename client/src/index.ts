export type {
  CallPreferences,
  EjectionPreference,
  PolicyPreference,
} from './call-settings.ts'
export type { RosterChannelOptions } from './channel-cache.ts'
export { connectRoster, type Roster, type RosterOptions } from './connect.ts'
export { usableEndpoints } from './endpoint-choice.ts'
export type { Endpoint, EndpointPort, EndpointSet, ServiceName } from './endpoint-set.ts'
export { applyChange, fromSnapshot } from './endpoint-set.ts'
export type { EndpointView, ReadyOptions } from './endpoint-view.ts'
export type { EventListener, RosterEvent } from './events.ts'
export type { GrpcModule } from './grpc/adapter.ts'
export { parseTarget, printTarget, type Target } from './grpc/target.ts'
export type { CallHint } from './hint.ts'
export type { ServiceDescription } from './not-idempotent.ts'
export type { EndpointStats } from './policies/endpoint-stats.ts'
export type { HealthServer } from './provider-health.ts'
export type { ReadinessCheck } from './readiness-poll.ts'
export type { DrainOptions, RegisterOptions } from './register-options.ts'
export type { Registration } from './registration.ts'
export type { RegistryCallOptions } from './registry-client.ts'
export { Backoff, pause } from './retry.ts'
export type { HedgingPreference, RetryPreference } from './retry-settings.ts'
export { RosterError, type RosterErrorCode, type Violation } from './roster-error.ts'
export type { DrainableServer } from './server-shutdown.ts'
export type { AfterSignal } from './signal-drain.ts'
export { WatchRequests } from './watch-requests.ts'
export {
  BOOKMARK_INTERVAL_MS,
  readWatch,
  WATCH_SILENCE_MS,
  type WatchStreamOptions,
} from './watch-stream.ts'
