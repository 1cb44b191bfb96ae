import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { subsetOf } from './subset.ts'

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { maxLength: 40 })
const client = fc.string()
const size = fc.integer({ min: 1, max: 20 })
const pick = (items: readonly string[], options: { client: string; size: number }) =>
  subsetOf(items, { idOf: (item) => item, ...options })

describe('a subset', () => {
  it('has the size asked for, or all there is, in the order of the set', () => {
    fc.assert(
      fc.property(names, client, size, (items, client, size) => {
        const subset = pick(items, { client, size })
        expect(subset).toHaveLength(Math.min(size, items.length))
        expect(items.filter((item) => subset.includes(item))).toEqual(subset)
      }),
    )
  })

  it('does not depend on the order of the set', () => {
    fc.assert(
      fc.property(names, client, size, (items, client, size) => {
        const subset = pick(items.toReversed(), { client, size })
        expect([...subset].sort()).toEqual([...pick(items, { client, size })].sort())
      }),
    )
  })

  it('changes by one member at most when an endpoint comes or goes', () => {
    fc.assert(
      fc.property(names, client, size, fc.nat(), (items, client, size, index) => {
        fc.pre(items.length > 0)
        const fewer = items.toSpliced(index % items.length, 1)
        const [before, after] = [pick(fewer, { client, size }), pick(items, { client, size })]
        expect(before.filter((item) => !after.includes(item)).length).toBeLessThanOrEqual(1)
        expect(after.filter((item) => !before.includes(item)).length).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('spreads clients evenly over the endpoints', () => {
    const endpoints = Array.from({ length: 50 }, (_, i) => `orders-${i}/uid-${i}`)
    const uses = new Map(endpoints.map((id) => [id, 0]))
    for (let i = 0; i < 1_000; i++) {
      for (const id of pick(endpoints, { client: `host-${i}/1234`, size: 10 })) {
        uses.set(id, (uses.get(id) ?? 0) + 1)
      }
    }
    // 200 each on average; four standard deviations of a fair draw are 51.
    expect(Math.min(...uses.values())).toBeGreaterThan(149)
    expect(Math.max(...uses.values())).toBeLessThan(251)
  })
})
