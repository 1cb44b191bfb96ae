import { Metadata } from '@grpc/grpc-js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PickArgs, Subchannel } from '../grpc/adapter.ts'
import { type CallScratch, ScratchSelector } from '../grpc/service-config.ts'
import type { ReadyEndpoint } from './picker.ts'
import { roundRobin } from './round-robin.ts'

/** The picker only passes subchannels on, so any object will do for one. */
const readyEndpoints = (count: number): ReadyEndpoint[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `e${i}`,
    endpoint: {} as ReadyEndpoint['endpoint'],
    subchannel: { key: `e${i}` } as unknown as Subchannel,
  }))

/** The arguments of one call: every attempt of it picks with the same ones. */
const callArgs = (): PickArgs => ({
  metadata: new Metadata(),
  extraPickInfo: new ScratchSelector().invoke().pickInformation,
})
const keyOf = (result: { subchannel: unknown }) => (result.subchannel as { key: string }).key

describe('round robin', () => {
  it('gives every endpoint its turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (count) => {
        const picker = roundRobin(readyEndpoints(count))
        const picked = Array.from({ length: count }, () => keyOf(picker.pick(callArgs())))
        expect(new Set(picked).size).toBe(count)
      }),
    )
  })

  it('never gives a call the same endpoint twice while there is another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 40 }),
        (count, schedule) => {
          const picker = roundRobin(readyEndpoints(count))
          const calls = Array.from({ length: 4 }, () => ({ args: callArgs(), keys: [''] }))
          for (const i of schedule) calls[i]!.keys.push(keyOf(picker.pick(calls[i]!.args)))
          for (const { keys } of calls) {
            const attempts = keys.slice(1, count + 1)
            expect(new Set(attempts).size).toBe(attempts.length)
          }
        },
      ),
    )
  })

  it('hands out the same result object each time', () => {
    const picker = roundRobin(readyEndpoints(1))
    expect(picker.pick(callArgs())).toBe(picker.pick(callArgs()))
  })

  it('remembers what a call has tried in the scratch of that call', () => {
    const args = callArgs()
    roundRobin(readyEndpoints(1)).pick(args)
    expect((args.extraPickInfo as unknown as CallScratch).tried).toEqual(['e0'])
  })
})
