import { status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { begin, callArgs, equalEndpoints, pickedId } from '../../../test/support/ready-endpoints.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import { createPicker } from './picker.ts'
import { parsePolicy } from './policy-config.ts'

const POLICIES = ['peak_ewma', 'least_request', 'round_robin', 'weighted', 'maglev']

describe.each(POLICIES)('%s', (policy) => {
  const pickerOf = (ready = equalEndpoints(3)) => createPicker(ready, parsePolicy({ policy }))

  it('never gives a call the same endpoint twice while there is another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
        (count, schedule) => {
          const picker = pickerOf(equalEndpoints(count))
          const calls = Array.from({ length: 4 }, () => ({ args: callArgs(), ids: [''] }))
          for (const i of schedule) calls[i]!.ids.push(pickedId(picker.pick(calls[i]!.args)))
          for (const { ids } of calls) {
            const attempts = ids.slice(1, count + 1)
            expect(new Set(attempts).size).toBe(attempts.length)
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('remembers what a call has tried in the scratch of that call', () => {
    const args = callArgs()
    pickerOf(equalEndpoints(1)).pick(args)
    expect((args.extraPickInfo as unknown as CallScratch).tried).toEqual(['e0'])
  })

  it('does not count a pick as a call', () => {
    const ready = equalEndpoints(1)
    const picker = pickerOf(ready)
    for (let i = 0; i < 3; i++) picker.pick(callArgs())
    expect([ready[0]!.load.picks, ready[0]!.load.inFlight]).toEqual([3, 0])
  })

  it('counts calls under way and how they end, across pickers', () => {
    const ready = equalEndpoints(1)
    const ends = Array.from({ length: 4 }, () => begin(pickerOf(ready).pick(callArgs())))
    const [load, during] = [ready[0]!.load, ready[0]!.load.inFlight]
    const codes = [status.OK, status.NOT_FOUND, status.UNAVAILABLE, status.CANCELLED]
    for (const [i, end] of ends.entries()) end(codes[i])
    expect([during, load.inFlight, load.takeWindow()]).toEqual([
      4,
      0,
      { successes: 2, failures: 1 },
    ])
  })
})
