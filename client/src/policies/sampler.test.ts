import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { samplerOf } from './sampler.ts'

const weightLists = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 30 })

describe('a sampler', () => {
  it('draws every index in exact proportion to its weight', () => {
    fc.assert(
      fc.property(weightLists, (weights) => {
        // Evenly spread instead of random numbers: what they fall on is the exact share.
        const steps = 20_000
        let step = 0
        const sampler = samplerOf(weights, () => (step++ + 0.5) / steps)
        const shares = weights.map(() => 0)
        for (let i = 0; i < steps; i++) shares[sampler.draw()]! += 1 / steps
        const sum = weights.reduce((a, b) => a + b, 0)
        const errors = weights.map((weight, i) => Math.abs(shares[i]! - weight / sum))
        // Each index has a border in its own column and in those of others.
        expect(Math.max(...errors)).toBeLessThan((weights.length + 1) / steps)
      }),
    )
  })

  it('holds another index against the first where all weigh the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(19), (count, first) => {
        const sampler = samplerOf(Array.from({ length: count }, () => 5))
        const others = Array.from({ length: 50 }, () => sampler.drawAgainst(first % count))
        expect(others.every((other) => other !== first % count && other < count)).toBe(true)
      }),
    )
  })

  it('reaches every other index', () => {
    const sampler = samplerOf([1, 1, 1, 1])
    const others = Array.from({ length: 300 }, () => sampler.drawAgainst(1))
    expect([...new Set(others)].sort()).toEqual([0, 2, 3])
  })

  it('holds a single index against itself', () => {
    expect(samplerOf([1]).drawAgainst(0)).toBe(0)
  })
})
