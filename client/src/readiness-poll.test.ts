import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ReadinessPoll } from './readiness-poll.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function poll(check: () => boolean | Promise<boolean>) {
  const results: boolean[] = []
  const onResult = (isReady: boolean) => results.push(isReady)
  const started = new ReadinessPoll({ check, periodMs: 5_000, timeoutMs: 1_000, onResult })
  return { results, close: () => started.close() }
}

describe('a readiness check', () => {
  it('is asked at once and then every period', async () => {
    const answers = [false, true, false]
    const { results, close } = poll(() => answers.shift() ?? true)
    await vi.advanceTimersByTimeAsync(10_000)
    close()
    expect(results).toEqual([false, true, false])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database'))],
    ['answers something else', () => 'yes' as unknown as boolean],
  ])('that %s is a no', async (_, check) => {
    const { results, close } = poll(check)
    await vi.advanceTimersByTimeAsync(0)
    close()
    expect(results).toEqual([false])
  })

  it('that answers too late is a no, whatever it answers', async () => {
    const { results, close } = poll(
      () => new Promise((resolve) => setTimeout(resolve, 1_500, true)),
    )
    await vi.advanceTimersByTimeAsync(2_000)
    close()
    expect(results).toEqual([false])
  })

  it('that hangs is not asked again', async () => {
    const check = vi.fn(() => new Promise<boolean>(() => {}))
    const { close } = poll(check)
    await vi.advanceTimersByTimeAsync(60_000)
    close()
    expect(check).toHaveBeenCalledTimes(1)
  })

  it('is neither asked nor listened to after the poll is closed', async () => {
    const check = vi.fn(async () => true)
    const { results, close } = poll(check)
    close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect([check.mock.calls.length, results]).toEqual([1, []])
  })
})
