import { expect, it } from 'vitest'
import { Audience } from './audience.ts'

/** Sends a message of so many changes at once, taking no time. Returns how long the next waits, in milliseconds. */
function send(audience: Audience, changes: number): number {
  for (let i = 0; i < changes; i++) audience.changed(1)
  audience.wasSent(1_000, 1_000)
  return audience.quietAtMs - 1_000
}

it('keeps the messages of a storm apart, further each time, and never more than 50 ms', () => {
  const audience = new Audience(1)
  const waits = [2, 9, 9, 9, 9].map((changes) => send(audience, changes))
  expect(waits).toEqual([10, 20, 40, 50, 50])
})

it('sends a change at once when the storm is over', () => {
  const audience = new Audience(1)
  send(audience, 9)
  expect(send(audience, 1)).toBe(0)
})

it('leaves as much time between two messages as the first took to send, up to 10 ms', () => {
  const audience = new Audience(1)
  audience.changed(1)
  audience.wasSent(1_000, 1_004)
  expect(audience.quietAtMs).toBe(1_008)
  audience.changed(1)
  audience.wasSent(2_000, 2_100)
  expect(audience.quietAtMs).toBe(2_110)
})
