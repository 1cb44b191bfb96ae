import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { callArgs, equalEndpoints, pickedId } from '../../../test/support/ready-endpoints.ts'
import { RoundRobinPicker } from './round-robin.ts'

describe('round robin', () => {
  it('gives every endpoint its turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (count) => {
        const picker = new RoundRobinPicker(equalEndpoints(count))
        const picked = Array.from({ length: count }, () => pickedId(picker.pick(callArgs())))
        expect(new Set(picked).size).toBe(count)
      }),
    )
  })

  it('allocates nothing: it hands out the same result each time', () => {
    const picker = new RoundRobinPicker(equalEndpoints(1))
    expect(picker.pick(callArgs())).toBe(picker.pick(callArgs()))
  })

  it('begins anywhere, so that clients that start together do not meet', () => {
    const firsts = Array.from({ length: 200 }, () =>
      pickedId(new RoundRobinPicker(equalEndpoints(4)).pick(callArgs())),
    )
    expect(new Set(firsts).size).toBe(4)
  })
})
