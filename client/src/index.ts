export {
  connectRoster,
  type Roster,
  type RosterChannelOptions,
  type RosterOptions,
} from './connect.ts'
export type { Endpoint, EndpointPort, EndpointSet, ServiceName } from './endpoint-set.ts'
export { usableEndpoints } from './endpoint-set.ts'
export type { EndpointView } from './endpoint-view.ts'
export type { EventListener, RosterEvent } from './events.ts'
export { parseTarget, printTarget, type Target } from './grpc/target.ts'
export type { DrainOptions, RegisterOptions, Registration } from './registration.ts'
export { RosterError, type RosterErrorCode, type Violation } from './roster-error.ts'
export type { DrainableServer } from './server-shutdown.ts'
