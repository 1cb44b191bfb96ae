import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_EJECTION } from './ejection-config.ts'
import { findOutliers } from './outliers.ts'

const host = (name: string, successes: number, failures: number) => ({
  host: name,
  successes,
  failures,
})
const namesOf = (counts: Parameters<typeof findOutliers<string>>[0]) =>
  findOutliers(counts, DEFAULT_EJECTION).map((outlier) => outlier.host)

describe('by their own failures', () => {
  it('an endpoint is an outlier when more than 85 % of its calls failed', () => {
    expect(namesOf([host('a', 15, 85), host('b', 14, 86)])).toEqual(['b'])
  })

  it('an endpoint with few calls is none', () => {
    expect(namesOf([host('a', 50, 0), host('b', 0, 9)])).toEqual([])
  })

  it('the only endpoint with calls is none', () => {
    expect(namesOf([host('a', 0, 50), host('b', 0, 0)])).toEqual([])
  })

  it('both of two can be', () => {
    expect(namesOf([host('a', 0, 50), host('b', 0, 50)])).toEqual(['a', 'b'])
  })
})

describe('by the success of the others', () => {
  const healthy = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => host(name, 100, 0))

  it('an endpoint is an outlier when it does worse than nearly all', () => {
    expect(namesOf([...healthy, host('sick', 60, 40)])).toEqual(['sick'])
  })

  it('nobody is when there are fewer than five with enough calls', () => {
    expect(namesOf([...healthy.slice(0, 3), host('sick', 60, 40)])).toEqual([])
  })

  it('nobody is when all do alike', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 30 }),
        fc.integer({ min: 100, max: 1_000 }),
        fc.integer({ min: 0, max: 80 }),
        (count, calls, failedPercent) => {
          const failures = Math.floor((calls * failedPercent) / 100)
          const all = Array.from({ length: count }, (_, i) =>
            host(`${i}`, calls - failures, failures),
          )
          expect(namesOf(all)).toEqual([])
        },
      ),
    )
  })

  it('an outlier does worse than everyone who is none', () => {
    const counts = fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 }))
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 20 }), (all) => {
        const hosts = all.map(([successes, failures], i) => host(`${i}`, successes, failures))
        const out = new Set(namesOf(hosts))
        const rateOf = (counted: (typeof hosts)[number]) =>
          counted.successes / (counted.successes + counted.failures)
        const busy = hosts.filter(({ successes, failures }) => successes + failures >= 100)
        const worstKept = Math.min(...busy.filter((h) => !out.has(h.host)).map(rateOf))
        for (const h of busy.filter((other) => out.has(other.host))) {
          expect(rateOf(h)).toBeLessThanOrEqual(worstKept)
        }
      }),
    )
  })
})
