import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  begin,
  callArgs,
  countOf,
  equalEndpoints,
  pickedId,
  readyEndpoints,
} from '../../../test/support/ready-endpoints.ts'
import { LeastRequestPicker } from './least-request.ts'

const CONFIG = { policy: 'least_request', choices: 2 } as const

describe('least request', () => {
  it('takes of two endpoints the one with fewer calls under way', () => {
    const endpoints = equalEndpoints(2)
    endpoints[0]!.load.inFlight = 5
    const picker = new LeastRequestPicker(endpoints, CONFIG)
    const ids = Array.from({ length: 5 }, () => pickedId(picker.pick(callArgs())))
    expect(ids).toEqual(['e1', 'e1', 'e1', 'e1', 'e1'])
  })

  it('spreads calls that are made in one turn of the event loop', () => {
    const picker = new LeastRequestPicker(equalEndpoints(3), CONFIG)
    const ids = Array.from({ length: 300 }, () => pickedId(picker.pick(callArgs())))
    expect(Math.min(...countOf(ids).values())).toBeGreaterThan(90)
  })

  it('keeps calls under way in proportion to the weights', async () => {
    const endpoints = readyEndpoints([100, 300])
    const picker = new LeastRequestPicker(endpoints, CONFIG)
    for (let i = 0; i < 400; i++) begin(picker.pick(callArgs()))
    await nextTurn()
    const inFlight = endpoints.map(({ load }) => load.inFlight)
    expect(Math.abs(inFlight[0]! - 100)).toBeLessThan(12)
  })

  it('finds an idle endpoint the more surely the more it compares', () => {
    const shares = [2, 10].map((choices) => {
      const endpoints = equalEndpoints(20)
      for (const { load } of endpoints) load.inFlight = 1_000
      endpoints[7]!.load.inFlight = 0
      const picker = new LeastRequestPicker(endpoints, { ...CONFIG, choices })
      const ids = Array.from({ length: 400 }, () => pickedId(picker.pick(callArgs())))
      return (countOf(ids).get('e7') ?? 0) / 400
    })
    // 2 of 20 find it once in ten, 10 of 20 about four times in ten.
    expect(shares[1]! / shares[0]!).toBeGreaterThan(2)
  })
})
