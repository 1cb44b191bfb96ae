import { describe, expect, it } from 'vitest'
import { age } from './age.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY
const NOW_S = 1_800_000_000

describe('age', () => {
  it.each([
    [-2, '<invalid>'],
    [-1, '0s'],
    [0, '0s'],
    [119, '119s'],
    [2 * MINUTE, '2m'],
    [2 * MINUTE + 5, '2m5s'],
    [10 * MINUTE - 1, '9m59s'],
    [10 * MINUTE + 30, '10m'],
    [3 * HOUR - 1, '179m'],
    [3 * HOUR, '3h'],
    [8 * HOUR - 1, '7h59m'],
    [8 * HOUR + 59 * MINUTE, '8h'],
    [2 * DAY - 1, '47h'],
    [2 * DAY + HOUR, '2d1h'],
    [8 * DAY - 1, '7d23h'],
    [8 * DAY, '8d'],
    [2 * YEAR - 1, '729d'],
    [2 * YEAR + DAY, '2y1d'],
    [8 * YEAR - 1, '7y364d'],
    [8 * YEAR + 100 * DAY, '8y'],
  ])('of %i seconds is %s', (seconds, text) => {
    expect(age({ seconds: NOW_S - seconds, nanos: 0 }, NOW_S * 1000)).toBe(text)
  })

  it('counts the part of a second, too', () => {
    expect(age({ seconds: NOW_S - 2, nanos: 600_000_000 }, NOW_S * 1000)).toBe('1s')
  })

  it('of what has no beginning is unknown', () => {
    expect(age(null, NOW_S * 1000)).toBe('<unknown>')
  })
})
