const ZERO = '0'.charCodeAt(0)
const MAX_INT64 = '9223372036854775807'

/**
 * Whether a label's value is an integer that Gt and Lt compare: digits, at most
 * 2^63 - 1, as apimachinery's ParseInt. There is no sign: no label value may start with one.
 */
export const isInteger = (value: string): boolean => {
  if (value === '') return false
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return false
  }
  return compareIntegers(value, MAX_INT64) <= 0
}

/**
 * Below, equal to or above 0 as `a` is less than, equal to or greater than `b`; both digits
 * only. Compared as text, because a number cannot hold 63 bits and a bigint is an allocation.
 */
export const compareIntegers = (a: string, b: string): number => {
  let i = firstSignificant(a)
  let j = firstSignificant(b)
  const longer = a.length - i - (b.length - j)
  if (longer !== 0) return longer
  for (; i < a.length; i++, j++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(j)
    if (difference !== 0) return difference
  }
  return 0
}

const firstSignificant = (digits: string): number => {
  let at = 0
  while (digits.charCodeAt(at) === ZERO) at++
  return at
}
