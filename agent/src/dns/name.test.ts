import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parentOf, parseName, printName, ROOT, suffixesOf } from './name.ts'

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
const labels = fc
  .array(fc.string({ unit: byte, minLength: 1, maxLength: 63 }), { maxLength: 8 })
  .filter((all) => all.join('.').length <= 253)
const wire = (all: readonly string[]) =>
  `${all.map((one) => String.fromCharCode(one.length) + one).join('')}\0`

describe('names', () => {
  it('of any bytes survive being printed and read', () => {
    fc.assert(
      fc.property(labels, (all) => {
        expect(parseName(printName(wire(all)))).toBe(wire(all))
      }),
    )
  })

  it('are read with and without the dot at the end', () => {
    expect([parseName('www.example'), parseName('www.example.')]).toEqual([
      '\x03www\x07example\0',
      '\x03www\x07example\0',
    ])
  })

  it.each(['', '..', 'a..b', '.a', `${'a'.repeat(64)}.b`, `${'a.'.repeat(128)}`, 'ā'])(
    'are not `%s`',
    (text) => {
      expect(parseName(text)).toBeUndefined()
    },
  )

  it('know those above them', () => {
    const name = parseName('a.b.c') ?? ''
    expect([...suffixesOf(name)].map(printName)).toEqual(['a.b.c.', 'b.c.', 'c.', '.'])
    expect(parentOf(ROOT)).toBe(ROOT)
  })
})
