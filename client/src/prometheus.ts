import { Counter, Gauge, type Registry } from 'prom-client'
import { countEndpoints, isConnected, type MeasuredRoster, PickTally, setAges } from './figures.ts'

export type { MeasuredRoster } from './figures.ts'

/**
 * Adds the metrics of a connection to a register of prom-client. They are taken when
 * the register is read, and have no samples once the connection is closed, except for
 * the counter. One connection per register: names are taken once.
 *
 * - `roster_client_endpoints{service,state}`: endpoints of the open channels by the
 *   state of their connection: ready, connecting, idle or transient_failure
 * - `roster_client_ejected{service}`: of these, the ones that get no calls because too
 *   many failed
 * - `roster_client_picks_total{service}`: how often an endpoint was picked for a call
 * - `roster_client_watch_connected{registry}`: 1 while the watch stream stands, else 0;
 *   no sample while nothing is watched
 * - `roster_client_set_age_seconds{service}`: time since the registry last said that
 *   the endpoints are as they are; up to 5 s in quiet times
 */
export function rosterMetrics(roster: MeasuredRoster, register: Registry): void {
  const registers = [register]
  new Gauge({
    name: 'roster_client_endpoints',
    help: 'Endpoints of the open channels, by the state of their connection.',
    labelNames: ['service', 'state'],
    registers,
    collect() {
      this.reset()
      for (const { service, byState } of countEndpoints(roster)) {
        for (const [state, count] of byState) this.set({ service, state }, count)
      }
    },
  })
  new Gauge({
    name: 'roster_client_ejected',
    help: 'Endpoints that get no calls because too many failed.',
    labelNames: ['service'],
    registers,
    collect() {
      this.reset()
      for (const { service, ejected } of countEndpoints(roster)) this.set({ service }, ejected)
    },
  })
  const tally = new PickTally()
  new Counter({
    name: 'roster_client_picks_total',
    help: 'How often an endpoint was picked for a call.',
    labelNames: ['service'],
    registers,
    collect() {
      // The tally is the counter: what it says replaces what was said before.
      this.reset()
      for (const [service, picks] of tally.update(roster)) this.inc({ service }, picks)
    },
  })
  new Gauge({
    name: 'roster_client_watch_connected',
    help: 'Whether the watch stream to the registry stands.',
    labelNames: ['registry'],
    registers,
    collect() {
      this.reset()
      const connected = isConnected(roster)
      if (connected !== undefined) this.set({ registry: roster.address }, connected ? 1 : 0)
    },
  })
  new Gauge({
    name: 'roster_client_set_age_seconds',
    help: 'Time since the registry last confirmed the endpoints of the service.',
    labelNames: ['service'],
    registers,
    collect() {
      this.reset()
      for (const [service, seconds] of setAges(roster)) this.set({ service }, seconds)
    },
  })
}
