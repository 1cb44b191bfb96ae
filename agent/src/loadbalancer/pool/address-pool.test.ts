import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressPool } from './address-pool.ts'

/** All addresses of a pool, as it gives them out. */
function drained(text: string, family: 4 | 6 = 4): readonly string[] {
  const pool = new AddressPool(text)
  const taken = new Set<string>()
  for (;;) {
    const address = pool.choose(`shop/web-${taken.size}`, family, (one) => taken.has(one))
    if (address === undefined) return [...taken].sort()
    taken.add(address)
  }
}

describe('an address pool', () => {
  it.each([
    ['192.0.2.0/30', ['192.0.2.1', '192.0.2.2']],
    ['192.0.2.6/30', ['192.0.2.5', '192.0.2.6']],
    ['192.0.2.0/31', ['192.0.2.0', '192.0.2.1']],
    ['192.0.2.9/32', ['192.0.2.9']],
    ['192.0.2.254-192.0.3.1', ['192.0.2.254', '192.0.2.255', '192.0.3.0', '192.0.3.1']],
    ['192.0.2.9/32, 192.0.2.1-192.0.2.2', ['192.0.2.1', '192.0.2.2', '192.0.2.9']],
  ])('gives out every address of %s', (text, addresses) => {
    expect(drained(text)).toEqual(addresses)
  })

  it('gives out IPv6 addresses for IPv6 only', () => {
    expect(drained('2001:db8::ff-2001:db8::101,192.0.2.9/32', 6)).toEqual([
      '2001:db8::100',
      '2001:db8::101',
      '2001:db8::ff',
    ])
  })

  it('has what it gives out, and takes none that is taken', () => {
    const pool = new AddressPool('127.97.0.0/24,127.97.9.1-127.97.9.7')
    const subset = fc.uniqueArray(fc.nat({ max: 300 }), { maxLength: 200 })
    fc.assert(
      fc.property(subset, fc.string(), (taken, name) => {
        const all = [...Array(260).keys()].map((n) =>
          n < 256 ? `127.97.0.${n}` : `127.97.9.${n - 255}`,
        )
        const isTaken = new Set(taken.map((n) => all[n]))
        const address = pool.choose(name, 4, (one) => isTaken.has(one)) ?? ''
        return pool.has(address) && !isTaken.has(address)
      }),
    )
  })

  it('gives a name the same address whoever asks', () => {
    const choose = (name: string) => new AddressPool('127.97.0.0/16').choose(name, 4, () => false)
    expect(choose('shop/web')).toBe(choose('shop/web'))
    expect(choose('shop/web')).not.toBe(choose('shop/api'))
  })

  it.each(['127.97.0.0', '127.97.0.0/33', 'here/8', '192.0.2.9-192.0.2.1', '192.0.2.1-::1', ''])(
    'cannot be made of %j',
    (text) => {
      expect(() => new AddressPool(text)).toThrow(/ is (neither|no range)/)
    },
  )

  it('has no addresses but its own', () => {
    const pool = new AddressPool('192.0.2.0/30')
    const asked = ['192.0.2.0', '192.0.2.3', '192.0.2.4', '::c000:201', 'here']
    expect(asked.filter((address) => pool.has(address))).toEqual([])
  })
})
