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

  it('that hung once is asked again, and believed', async () => {
    const answers = [new Promise<boolean>(() => {})]
    const { results, close } = poll(() => answers.shift() ?? true)
    await vi.advanceTimersByTimeAsync(12_000)
    close()
    expect(results).toEqual([false, true])
  })

  it('that hangs for ever is asked less and less, but never for the last time', async () => {
    const check = vi.fn(() => new Promise<boolean>(() => {}))
    const { close } = poll(check)
    const counts = []
    for (let hour = 0; hour < 3; hour++) {
      await vi.advanceTimersByTimeAsync(3_600_000)
      counts.push(check.mock.calls.length)
    }
    close()
    expect(counts).toEqual([37, 52, 65])
  })

  it('is asked every period again when those that hung have answered', async () => {
    const hung: ((isReady: boolean) => void)[] = []
    let isHanging = true
    const { results, close } = poll(() =>
      isHanging ? new Promise<boolean>((resolve) => hung.push(resolve)) : true,
    )
    await vi.advanceTimersByTimeAsync(60_000)
    isHanging = false
    for (const answer of hung) answer(true)
    await vi.advanceTimersByTimeAsync(60_000)
    const before = results.length
    await vi.advanceTimersByTimeAsync(60_000)
    close()
    expect([results.slice(0, hung.length).includes(true), results.length - before]).toEqual([
      false,
      12,
    ])
  })

  it('is neither asked nor listened to after the poll is closed', async () => {
    const check = vi.fn(async () => true)
    const { results, close } = poll(check)
    close()
    await vi.advanceTimersByTimeAsync(60_000)
    expect([check.mock.calls.length, results]).toEqual([1, []])
  })
})
