import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Tally } from './tally.ts'

it('decides when, and only when, the last outcomes are equal often enough', () => {
  const threshold = fc.integer({ min: 1, max: 4 })
  fc.assert(
    fc.property(
      threshold,
      threshold,
      fc.array(fc.boolean(), { maxLength: 30 }),
      (successThreshold, failureThreshold, outcomes) => {
        const tally = new Tally({ successThreshold, failureThreshold })
        outcomes.forEach((isSuccess, i) => {
          const wanted = isSuccess ? successThreshold : failureThreshold
          const last = outcomes.slice(Math.max(0, i + 1 - wanted), i + 1)
          const isRun = last.length === wanted && last.every((one) => one === isSuccess)
          const decision = isSuccess ? 'success' : 'failure'
          expect(tally.add({ isSuccess })).toBe(isRun ? decision : undefined)
        })
      },
    ),
  )
})
