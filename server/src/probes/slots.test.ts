import { expect, it } from 'vitest'
import { Slots } from './slots.ts'

const never = new AbortController().signal

/** Work that ends when it is told to. */
function held() {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return { work: () => ended, end }
}

it('runs no more work at a time than there are slots, and in the order it came', async () => {
  const slots = new Slots(2)
  const all = [held(), held(), held(), held()]
  const started: number[] = []
  const done = all.map(({ work }, i) =>
    slots.run(never, () => {
      started.push(i)
      return work()
    }),
  )
  for (const [i, { end }] of all.entries()) {
    await Promise.resolve()
    expect(started.length - i).toBeLessThanOrEqual(2)
    end()
    await done[i]
  }
  expect(started).toEqual([0, 1, 2, 3])
})

it('lets waiting work go when its signal aborts, and the next one take its place', async () => {
  const slots = new Slots(1)
  const first = held()
  const running = slots.run(never, first.work)
  const aborter = new AbortController()
  const given = slots.run(aborter.signal, async () => 'ran')
  const next = slots.run(never, async () => 'ran')
  aborter.abort()
  expect(await given).toBeUndefined()
  first.end()
  await running
  expect(await next).toBe('ran')
})

it('gives a slot back when the work fails', async () => {
  const slots = new Slots(1)
  const failing = slots.run(never, () => Promise.reject(new Error('no')))
  await expect(failing).rejects.toThrow('no')
  expect(await slots.run(never, async () => 'ran')).toBe('ran')
})

it('starts nothing for a signal that has aborted', async () => {
  const slots = new Slots(1)
  expect(await slots.run(AbortSignal.abort(), async () => 'ran')).toBeUndefined()
})
