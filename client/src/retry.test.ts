import { describe, expect, it } from 'vitest'
import { Backoff, pause } from './retry.ts'

/** A backoff whose jitter always takes the greatest delay. */
const ceilingBackoff = (clock: { ms: number }) =>
  new Backoff({ now: () => clock.ms, random: () => 1 })

describe('backoff', () => {
  it('grows by 1.6 from 0.2 s to 5 s', () => {
    const backoff = ceilingBackoff({ ms: 0 })
    const delays = Array.from({ length: 9 }, () => {
      backoff.started()
      return Math.round(backoff.nextDelayMs())
    })
    expect(delays).toEqual([200, 320, 512, 819, 1311, 2097, 3355, 5000, 5000])
  })

  it('takes any delay from nothing to the ceiling', () => {
    const backoff = new Backoff({ random: () => 0, now: () => 0 })
    expect(backoff.nextDelayMs()).toBe(0)
  })

  it.each([
    ['begins anew after 10 s of health', 10_000, 200],
    ['does not begin anew before', 9_999, 320],
  ])('%s', (_, livedMs, expected) => {
    const clock = { ms: 0 }
    const backoff = ceilingBackoff(clock)
    backoff.nextDelayMs()
    backoff.started()
    clock.ms += livedMs
    expect(Math.round(backoff.nextDelayMs())).toBe(expected)
  })
})

it('a pause ends when its signal aborts', async () => {
  const abort = new AbortController()
  const paused = pause(60_000, abort.signal)
  abort.abort()
  await expect(paused).resolves.toBeUndefined()
})
