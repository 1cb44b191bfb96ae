import { SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressBytes, reverseName, reverseZones } from './address.ts'
import { printName } from './name.ts'

describe('addresses', () => {
  it('have the bytes they are written with', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect([...addressBytes(address)].join('.')).toBe(address)
      }),
    )
  })

  it('of IPv6 are the same however they are written', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const bytes = addressBytes(address)
        const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(2 * n).toString(16))
        const canonical = (text: string) =>
          new SocketAddress({ address: text, family: 'ipv6' }).address
        expect(canonical(groups.join(':'))).toBe(canonical(address))
      }),
    )
  })

  it('have a reverse name of octets or nibbles', () => {
    expect(printName(reverseName('10.1.2.3'))).toBe('3.2.1.10.in-addr.arpa.')
    expect(printName(reverseName('fd00::1'))).toBe(`1.${'0.'.repeat(28)}0.d.f.ip6.arpa.`)
  })

  it.each([
    ['127.96.0.0/16', 1, '96.127.in-addr.arpa.'],
    ['10.0.0.0/8', 1, '10.in-addr.arpa.'],
    ['10.96.0.0/12', 16, '96.10.in-addr.arpa.'],
    ['10.1.2.128/25', 128, '128.2.1.10.in-addr.arpa.'],
    ['fd00:1::/64', 1, `${'0.'.repeat(8)}1.0.0.0.0.0.d.f.ip6.arpa.`],
    ['0.0.0.0/0', 1, 'in-addr.arpa.'],
  ])('of the network %s are %i reverse zones', (cidr, count, first) => {
    const zones = reverseZones(cidr)
    expect([zones.length, printName(zones[0] ?? '')]).toEqual([count, first])
  })
})
