import { describe, expect, it } from 'vitest'
import { Combiner } from './combiner.ts'

/** A number per key, written with a turn's delay, as a store would. */
function counters() {
  const values = new Map<string, number>()
  let writes = 0
  const combiner = new Combiner<number>(async (key, step) => {
    const next = step(values.get(key) ?? 0)
    await new Promise((resolve) => setImmediate(resolve))
    values.set(key, next)
    writes++
    return next
  })
  return { values, combiner, writes: () => writes }
}

describe('Combiner', () => {
  it('loses no change of a hundred callers and writes twice', async () => {
    const { values, combiner, writes } = counters()
    const calls = Array.from({ length: 100 }, () => combiner.run('a', (n) => n + 1))
    const answers = await Promise.all(calls)
    expect(values.get('a')).toBe(100)
    expect(answers.at(-1)).toBe(100)
    expect(writes()).toBe(2)
  })

  it('refuses one caller without the others knowing', async () => {
    const { values, combiner } = counters()
    const refuse = () => {
      throw new Error('no')
    }
    const calls = [1, 2, 3, 4].map((n) => combiner.run('a', n === 3 ? refuse : (v) => v + n))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(values.get('a')).toBe(7)
  })

  it('does not let one key wait for another', async () => {
    const { combiner, writes } = counters()
    await Promise.all([combiner.run('a', (n) => n + 1), combiner.run('b', (n) => n + 1)])
    expect(writes()).toBe(2)
  })
})
