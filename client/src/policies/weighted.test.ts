import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  callArgs,
  countOf,
  pickedId,
  readyEndpoints,
} from '../../../test/support/ready-endpoints.ts'
import { WeightedPicker } from './weighted.ts'

describe('weighted', () => {
  it('keeps every endpoint within two picks of its exact share, at any moment', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 3_000 }), (weights, picks) => {
        const picker = new WeightedPicker(readyEndpoints(weights))
        const counts = countOf(
          Array.from({ length: picks }, () => pickedId(picker.pick(callArgs()))),
        )
        const highest = Math.max(...weights)
        // The heaviest is picked once in every round, so its count is the number of rounds.
        const rounds = counts.get(`e${weights.indexOf(highest)}`) ?? 0
        const errors = weights.map((weight, i) =>
          Math.abs((counts.get(`e${i}`) ?? 0) - (rounds * weight) / highest),
        )
        expect(Math.max(...errors)).toBeLessThanOrEqual(2)
      }),
    )
  })

  it('gives a light endpoint its share even when pickers are replaced all the time', () => {
    const picked = Array.from({ length: 4_000 }, () =>
      pickedId(new WeightedPicker(readyEndpoints([900, 100])).pick(callArgs())),
    )
    // 400 expected with a standard deviation of 19 at most.
    expect(Math.abs((countOf(picked).get('e1') ?? 0) - 400)).toBeLessThan(150)
  })

  it('allocates nothing: it hands out the same result each time', () => {
    const picker = new WeightedPicker(readyEndpoints([7]))
    expect(picker.pick(callArgs())).toBe(picker.pick(callArgs()))
  })
})
