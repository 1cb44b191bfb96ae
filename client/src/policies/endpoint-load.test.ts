import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { EndpointLoad } from './endpoint-load.ts'

/** A load whose calls ended so. */
function loadAfter(...codes: readonly status[]): EndpointLoad {
  const load = new EndpointLoad()
  // Detached, as grpc-js calls them.
  const { onCallStarted, onCallEnded } = load
  for (const code of codes) {
    onCallStarted()
    onCallEnded(code)
  }
  return load
}

describe('the load of an endpoint', () => {
  it('knows the calls under way', () => {
    const { onCallStarted, onCallEnded, ...rest } = loadAfter()
    const load = loadAfter(status.OK, status.UNKNOWN, status.CANCELLED)
    load.onCallStarted()
    expect([rest.inFlight, load.inFlight]).toEqual([0, 1])
  })

  it.each([
    'UNAVAILABLE',
    'DEADLINE_EXCEEDED',
    'INTERNAL',
    'UNKNOWN',
    'RESOURCE_EXHAUSTED',
    'DATA_LOSS',
  ] as const)('counts %s against the endpoint', (code) => {
    expect(loadAfter(status[code]).takeWindow()).toEqual({ successes: 0, failures: 1 })
  })

  it.each([
    'OK',
    'NOT_FOUND',
    'INVALID_ARGUMENT',
    'PERMISSION_DENIED',
    'UNIMPLEMENTED',
    'ABORTED',
  ] as const)('takes %s for an answer', (code) => {
    expect(loadAfter(status[code]).takeWindow()).toEqual({ successes: 1, failures: 0 })
  })

  it('counts a cancelled call as neither', () => {
    expect(loadAfter(status.CANCELLED).takeWindow()).toEqual({ successes: 0, failures: 0 })
  })

  it('begins its window anew when it is taken', () => {
    const load = loadAfter(status.OK, status.UNAVAILABLE)
    load.takeWindow()
    load.onCallEnded(status.OK)
    expect(load.takeWindow()).toEqual({ successes: 1, failures: 0 })
  })

  it('tells how many calls in a row did not reach the endpoint', () => {
    const told: number[] = []
    const load = new EndpointLoad((inARow) => told.push(inARow))
    for (const code of ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'UNAVAILABLE'] as const) {
      load.onCallEnded(status[code])
    }
    expect(told).toEqual([1, 2, 1])
  })

  it('does not let a cancelled call break the row', () => {
    const load = loadAfter(status.UNAVAILABLE, status.CANCELLED, status.UNAVAILABLE)
    expect(load.unreachableInARow).toBe(2)
  })

  it('turns a reservation into a call when it begins', () => {
    const load = new EndpointLoad()
    load.reserved = 2
    load.onCallStarted()
    expect([load.reserved, load.inFlight]).toEqual([1, 1])
  })
})
