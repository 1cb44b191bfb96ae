import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { SlowStart } from './slow-start.ts'

let steps = 0
let slowStart: SlowStart<string>
beforeEach(() => {
  vi.useFakeTimers()
  steps = 0
  slowStart = new SlowStart(() => {
    steps += 1
  })
})
afterEach(() => {
  slowStart.stop()
  vi.useRealTimers()
})

it('the share of a newcomer grows with time from a tenth to the whole', () => {
  slowStart.begin('a', 10_000)
  const shares = [0, 500, 1_500, 3_000, 5_000, 5_000].map((ms) => {
    vi.advanceTimersByTime(ms)
    return slowStart.shareOf('a')
  })
  expect(shares).toEqual([0.1, 0.1, 0.2, 0.5, 1, 1])
})

it('there is a step every 500 ms, the last one with the whole share', () => {
  slowStart.begin('a', 1_200)
  vi.advanceTimersByTime(60_000)
  expect(steps).toBe(3)
})

it('several newcomers share their steps', () => {
  slowStart.begin('a', 1_000)
  slowStart.begin('b', 1_000)
  vi.advanceTimersByTime(60_000)
  expect(steps).toBe(2)
})

it('one that is no newcomer has its whole share', () => {
  slowStart.begin('a', 10_000)
  expect(slowStart.shareOf('b')).toBe(1)
})

it('a duration of 0 makes no newcomer', () => {
  slowStart.begin('a', 0)
  expect([slowStart.shareOf('a'), vi.getTimerCount()]).toEqual([1, 0])
})

it('there is no timer when the last newcomer is gone', () => {
  slowStart.begin('a', 10_000)
  slowStart.forget('a')
  expect(vi.getTimerCount()).toBe(0)
})
