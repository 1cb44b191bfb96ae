import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareIntegers, isInteger } from './label-integer.ts'

const digits = fc
  .tuple(fc.nat({ max: 3 }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }))
  .map(([zeros, value]) => '0'.repeat(zeros) + value)

describe('compareIntegers', () => {
  it('orders as numbers do, leading zeros or not', () => {
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const difference = BigInt(a) - BigInt(b)
        const expected = difference > 0n ? 1 : difference < 0n ? -1 : 0
        expect(Math.sign(compareIntegers(a, b))).toBe(expected)
      }),
    )
  })
})

describe('isInteger', () => {
  it.each(['0', '00', '007', '9223372036854775807', '0009223372036854775807'])(
    'takes %j',
    (text) => {
      expect(isInteger(text)).toBe(true)
    },
  )

  it.each(['', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '١', '9223372036854775808'])(
    'refuses %j',
    (text) => {
      expect(isInteger(text)).toBe(false)
    },
  )
})
