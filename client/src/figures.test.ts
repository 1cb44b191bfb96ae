import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { countEndpoints, isConnected, type MeasuredRoster, PickTally, setAges } from './figures.ts'
import type { EndpointStats } from './policies/endpoint-stats.ts'

const statsOf = (own: Partial<EndpointStats>): EndpointStats => ({
  id: 'a',
  pod: 'a',
  addresses: [],
  zone: '',
  state: 'READY',
  ready: true,
  inFlight: 0,
  ewmaMs: undefined,
  picks: 0,
  successes: 0,
  failures: 0,
  ejectedUntil: undefined,
  weight: 100,
  lastError: undefined,
  ...own,
})

/** A connection that calls shop/orders and knows so much of it. */
const calling = (
  stats: readonly EndpointStats[],
  own: Partial<MeasuredRoster> = {},
): MeasuredRoster => ({
  address: 'registry:7400',
  isWatching: true,
  services: () => ['shop/orders'],
  staleness: () => 1_500,
  stats: () => stats,
  ...own,
})

const idle: Partial<MeasuredRoster> = { services: () => [], stats: () => [] }

describe('countEndpoints', () => {
  test('has every state, those that no endpoint is in too', () => {
    const roster = calling([statsOf({}), statsOf({ state: 'TRANSIENT_FAILURE' }), statsOf({})])

    const [counts] = countEndpoints(roster)

    expect(Object.fromEntries(counts?.byState ?? [])).toEqual({
      ready: 2,
      connecting: 0,
      idle: 0,
      transient_failure: 1,
    })
  })

  test('counts the ejected', () => {
    const roster = calling([statsOf({ ejectedUntil: new Date() }), statsOf({})])

    expect(countEndpoints(roster)).toMatchObject([{ service: 'shop/orders', ejected: 1 }])
  })
})

describe('setAges', () => {
  test('are in seconds', () => {
    expect(setAges(calling([]))).toEqual([['shop/orders', 1.5]])
  })

  test('leave out a service the registry has said nothing of', () => {
    expect(setAges(calling([], { staleness: () => undefined }))).toEqual([])
  })
})

describe('isConnected', () => {
  test('says whether the stream stands', () => {
    expect(isConnected(calling([], { isWatching: false }))).toBe(false)
  })

  test('is nothing to speak of while nothing is watched', () => {
    expect(isConnected(calling([], { ...idle, isWatching: false }))).toBeUndefined()
  })
})

describe('PickTally', () => {
  test('counts the picks of all endpoints and channels', () => {
    const stats = [statsOf({ picks: 3 }), statsOf({ picks: 4 }), statsOf({ id: 'b', picks: 5 })]

    expect(new PickTally().update(calling(stats)).get('shop/orders')).toBe(12)
  })

  test('keeps the picks of an endpoint that has left', () => {
    const tally = new PickTally()
    tally.update(calling([statsOf({ picks: 3 }), statsOf({ id: 'b', picks: 5 })]))

    expect(tally.update(calling([statsOf({ picks: 4 })])).get('shop/orders')).toBe(9)
  })

  test('keeps the picks of a service that is no longer called, and counts on when it is again', () => {
    const tally = new PickTally()
    tally.update(calling([statsOf({ picks: 3 })]))
    tally.update(calling([], idle))

    expect(tally.update(calling([statsOf({ picks: 2 })])).get('shop/orders')).toBe(5)
  })

  test('never falls, and is exact where every pick is seen', () => {
    const looks = fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(9)))
    fc.assert(
      fc.property(looks, (rounds) => {
        const tally = new PickTally()
        const counts = new Map<string, number>()
        let made = 0
        for (const round of rounds) {
          // Endpoints that are not in the round have left, with their counts.
          for (const id of counts.keys()) if (!(id in round)) counts.delete(id)
          for (const [id, picks] of Object.entries(round)) {
            counts.set(id, (counts.get(id) ?? 0) + picks)
            made += picks
          }
          const stats = [...counts].map(([id, picks]) => statsOf({ id, picks }))
          expect(tally.update(calling(stats)).get('shop/orders')).toBe(made)
        }
      }),
    )
  })
})
