import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration, printDuration } from './duration.ts'

describe('parseDuration', () => {
  it.each([
    ['10', 10_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['1m30s', 90_000],
    ['2h', 7_200_000],
  ])('of %s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', 's', '10x', '-1s', '1 s', '1.2.3s'])('of %j is undefined', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })

  it('reads what printDuration writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000_000 }), (ms) => {
        expect(parseDuration(printDuration(ms))).toBe(ms)
      }),
    )
  })
})
