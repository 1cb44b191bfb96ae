import type { Roster } from './connect.ts'

/** What metrics are taken from: a connection, which may be of the other build of the SDK. */
export type MeasuredRoster = Pick<
  Roster,
  'address' | 'isWatching' | 'services' | 'staleness' | 'stats'
>

/** States of connections, as grpc-js names them but in lower case. */
export type ConnectionState = 'ready' | 'connecting' | 'idle' | 'transient_failure'

/** How many endpoints of a service are in each state, and how many are ejected. */
export interface EndpointCounts {
  /** `namespace/service`. */
  readonly service: string
  /** All states, those that no endpoint is in too. */
  readonly byState: ReadonlyMap<ConnectionState, number>
  readonly ejected: number
}

const STATES: readonly ConnectionState[] = ['ready', 'connecting', 'idle', 'transient_failure']

/** For each service that is called or watched. */
export const countEndpoints = (roster: MeasuredRoster): readonly EndpointCounts[] =>
  roster.services().map((service) => {
    const stats = roster.stats(service)
    const states = stats.map(({ state }) => state.toLowerCase())
    return {
      service,
      byState: new Map(
        STATES.map((state) => [state, states.filter((one) => one === state).length]),
      ),
      ejected: stats.filter(({ ejectedUntil }) => ejectedUntil !== undefined).length,
    }
  })

/** Seconds since the registry last confirmed the endpoints of each service it has ever told of. */
export const setAges = (roster: MeasuredRoster): readonly (readonly [string, number])[] =>
  roster.services().flatMap((service) => {
    const ageMs = roster.staleness(service)
    return ageMs === undefined ? [] : [[service, ageMs / 1_000] as const]
  })

/**
 * Whether the watch stream stands; undefined when nothing is watched, and a missing
 * stream is no fault.
 */
export const isConnected = (roster: MeasuredRoster): boolean | undefined =>
  roster.services().length === 0 ? undefined : roster.isWatching

/**
 * Picks of each service since the tally was made. Endpoints and channels come and go
 * and take their counts with them; a counter must never fall.
 */
export class PickTally {
  readonly #totals = new Map<string, number>()
  /** Per service, what each endpoint's count was when it was last looked at. */
  readonly #seen = new Map<string, ReadonlyMap<string, number>>()

  /** Totals per service, those no longer called too. */
  update(roster: MeasuredRoster): ReadonlyMap<string, number> {
    const services = roster.services()
    for (const service of services) {
      const seen = this.#seen.get(service)
      const now = picksByEndpoint(roster, service)
      let total = this.#totals.get(service) ?? 0
      for (const [id, picks] of now) total += Math.max(0, picks - (seen?.get(id) ?? 0))
      this.#totals.set(service, total)
      this.#seen.set(service, now)
    }
    for (const service of this.#seen.keys()) {
      if (!services.includes(service)) this.#seen.delete(service)
    }
    return this.#totals
  }
}

function picksByEndpoint(roster: MeasuredRoster, service: string): ReadonlyMap<string, number> {
  const picks = new Map<string, number>()
  for (const { id, picks: own } of roster.stats(service)) picks.set(id, (picks.get(id) ?? 0) + own)
  return picks
}
