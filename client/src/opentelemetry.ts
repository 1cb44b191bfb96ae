import type { BatchObservableCallback, Meter } from '@opentelemetry/api'
import { countEndpoints, isConnected, type MeasuredRoster, PickTally, setAges } from './figures.ts'

export type { MeasuredRoster } from './figures.ts'

/**
 * Makes a meter of OpenTelemetry observe a connection, whenever its reader collects.
 * Returns the function that ends it.
 *
 * - `roster.client.endpoints` (attributes service, state): endpoints of the open
 *   channels by the state of their connection: ready, connecting, idle or
 *   transient_failure
 * - `roster.client.ejected` (service): of these, the ones that get no calls because too
 *   many failed
 * - `roster.client.picks` (service): how often an endpoint was picked for a call
 * - `roster.client.watch.connected` (registry): 1 while the watch stream stands, else 0;
 *   not observed while nothing is watched
 * - `roster.client.set.age` (service), in seconds: time since the registry last said
 *   that the endpoints are as they are; up to 5 s in quiet times
 */
export function observeRoster(roster: MeasuredRoster, meter: Meter): () => void {
  const endpoints = meter.createObservableGauge('roster.client.endpoints', {
    description: 'Endpoints of the open channels, by the state of their connection.',
    unit: '{endpoint}',
  })
  const ejected = meter.createObservableGauge('roster.client.ejected', {
    description: 'Endpoints that get no calls because too many failed.',
    unit: '{endpoint}',
  })
  const picks = meter.createObservableCounter('roster.client.picks', {
    description: 'How often an endpoint was picked for a call.',
    unit: '{pick}',
  })
  const connected = meter.createObservableGauge('roster.client.watch.connected', {
    description: 'Whether the watch stream to the registry stands.',
  })
  const age = meter.createObservableGauge('roster.client.set.age', {
    description: 'Time since the registry last confirmed the endpoints of the service.',
    unit: 's',
  })
  const tally = new PickTally()
  const observe: BatchObservableCallback = (result) => {
    for (const { service, byState, ejected: count } of countEndpoints(roster)) {
      for (const [state, inState] of byState) result.observe(endpoints, inState, { service, state })
      result.observe(ejected, count, { service })
    }
    for (const [service, count] of tally.update(roster)) result.observe(picks, count, { service })
    for (const [service, seconds] of setAges(roster)) result.observe(age, seconds, { service })
    const isUp = isConnected(roster)
    if (isUp !== undefined) result.observe(connected, isUp ? 1 : 0, { registry: roster.address })
  }
  const instruments = [endpoints, ejected, picks, connected, age]
  meter.addBatchObservableCallback(observe, instruments)
  return () => meter.removeBatchObservableCallback(observe, instruments)
}
