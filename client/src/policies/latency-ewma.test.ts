import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LatencyEwma } from './latency-ewma.ts'

const TAU_MS = 10_000

/** An average that has seen these samples, all at time 0. */
function averageOf(samplesMs: readonly number[]): LatencyEwma {
  const latency = new LatencyEwma()
  latency.expect(0, TAU_MS)
  for (const sampleMs of samplesMs) latency.observe(sampleMs, 0)
  return latency
}

describe('the latency of an endpoint', () => {
  it('is unknown, and nothing to fear, before the first call', () => {
    const latency = new LatencyEwma()
    expect([latency.valueMs(0), latency.costMs(0)]).toEqual([undefined, 0])
  })

  it('is feared while the first call is out', () => {
    const latency = new LatencyEwma()
    latency.expect(5, TAU_MS)
    expect(latency.costMs(5)).toBe(1_000)
  })

  it('is still unknown after the first answer, which pays for cold caches', () => {
    const latency = averageOf([300])
    expect([latency.valueMs(0), latency.costMs(0)]).toEqual([undefined, 0])
  })

  it('is the least of the next four answers', () => {
    expect(averageOf([300, 40, 9, 30, 20]).valueMs(0)).toBe(9)
  })

  it('rises to a slow answer at once', () => {
    expect(averageOf([1, 5, 5, 5, 5, 80]).valueMs(0)).toBe(80)
  })

  it('falls towards faster answers with its time constant', () => {
    const latency = averageOf([1, 100, 100, 100, 100])
    latency.observe(10, TAU_MS)
    expect(latency.valueMs(TAU_MS)).toBeCloseTo(100 / Math.E + 10 * (1 - 1 / Math.E))
  })

  it('decays while there is no news', () => {
    expect(averageOf([1, 50]).valueMs(2 * TAU_MS)).toBeCloseTo(50 / Math.E ** 2)
  })

  it('is back at what was known once a call has been given to find out', () => {
    const latency = averageOf([1, 50])
    latency.expect(5 * TAU_MS, TAU_MS)
    expect(latency.valueMs(5 * TAU_MS)).toBe(50)
  })

  it('counts a failure at once, even the first call', () => {
    const latency = new LatencyEwma()
    latency.expect(0, TAU_MS)
    latency.observeAtLeast(1_000, 0)
    expect(latency.valueMs(0)).toBe(1_000)
  })

  it('does not sink by a lower bound', () => {
    const latency = averageOf([1, 50])
    latency.observeAtLeast(20, 0)
    expect(latency.valueMs(0)).toBe(50)
  })

  it('is as long as the endpoint has been silent since it was asked', () => {
    const latency = averageOf([1, 50])
    latency.asked(100)
    latency.asked(200)
    expect(latency.costMs(400)).toBe(300)
  })

  it('is what it was once there is an answer', () => {
    const latency = averageOf([1, 50])
    latency.asked(0)
    latency.answered()
    expect(latency.costMs(400)).toBeLessThanOrEqual(50)
  })

  it('takes a silence of ten seconds for a stream', () => {
    const latency = averageOf([1, 50])
    latency.asked(0)
    expect(latency.costMs(10_000)).toBeLessThanOrEqual(50)
  })

  it('stays between the fastest and the slowest answer that counted', () => {
    const answers = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 30_000 })),
      { minLength: 2, maxLength: 40 },
    )
    fc.assert(
      fc.property(answers, (steps) => {
        const latency = new LatencyEwma()
        let nowMs = 0
        for (const [sampleMs, afterMs] of steps) {
          nowMs += afterMs
          latency.expect(nowMs, TAU_MS)
          latency.observe(sampleMs, nowMs)
        }
        const counted = steps.slice(1).map(([sampleMs]) => sampleMs)
        const value = latency.valueMs(nowMs) ?? Number.NaN
        expect(value).toBeGreaterThanOrEqual(Math.min(...counted) - 1e-6)
        expect(value).toBeLessThanOrEqual(Math.max(...counted) + 1e-6)
      }),
    )
  })
})
