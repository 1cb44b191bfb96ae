import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cidrProblems,
  contains,
  familyOf,
  formatCidr,
  formatIp,
  ipProblems,
  parseCidr,
  parseIp,
  specialIpProblems,
} from './ip.ts'

describe('parseIp', () => {
  it.each([
    ['0.0.0.0', 0n],
    ['10.96.0.1', 0x0a600001n],
    ['255.255.255.255', 0xffffffffn],
    ['::', 0n],
    ['::1', 1n],
    ['1::', 1n << 112n],
    ['2001:db8::ffff', 0x20010db800000000000000000000ffffn],
    ['::ffff:1.2.3.4', 0xffff01020304n],
    ['1:2:3:4:5:6:7:8', 0x00010002000300040005000600070008n],
  ])('reads %s', (text, value) => {
    expect(parseIp(text)?.value).toBe(value)
  })

  it.each([
    '',
    'x',
    '1.2.3',
    '1.2.3.4.5',
    '010.0.0.1',
    '256.0.0.1',
    'fe80::1%eth0',
    '1::2::3',
    ' ::1',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined()
  })

  it('knows the family', () => {
    expect(['10.0.0.1', 'fd00::1', 'None'].map(familyOf)).toEqual(['IPv4', 'IPv6', undefined])
  })
})

describe('formatIp', () => {
  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['10.0.0.1', '10.0.0.1'],
  ])('writes %s as %s (RFC 5952)', (text, canonical) => {
    const ip = parseIp(text)!
    expect(formatIp(ip)).toBe(canonical)
  })

  it('writes what parseIp reads back', () => {
    const address = fc.oneof(
      fc.record({ family: fc.constant('IPv4' as const), value: fc.bigInt(0n, (1n << 32n) - 1n) }),
      fc.record({ family: fc.constant('IPv6' as const), value: fc.bigInt(0n, (1n << 128n) - 1n) }),
    )
    fc.assert(
      fc.property(address, (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip)
      }),
    )
  })

  it('agrees with the URL parser on every IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        fc.pre(isIP(text) === 6)
        expect(`[${formatIp(parseIp(text)!)}]`).toBe(new URL(`http://[${text}]`).hostname)
      }),
    )
  })
})

describe('parseCidr', () => {
  it('clears host bits', () => {
    expect(formatCidr(parseCidr('10.96.5.7/16')!)).toBe('10.96.0.0/16')
  })

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/08',
    'fd00::/129',
    'x/8',
    '10.0.0.0/-1',
    ' 10.0.0.0/8',
  ])('refuses %j', (text) => {
    expect(cidrProblems(text)).toEqual([
      'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ])
  })

  it('contains what BlockList says it contains', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (network, address, length) => {
        const list = new BlockList()
        list.addSubnet(network, length, 'ipv4')
        const cidr = parseCidr(`${network}/${length}`)!
        expect(contains(cidr, parseIp(address)!)).toBe(list.check(address, 'ipv4'))
      }),
    )
  })
})

describe('ipProblems', () => {
  it.each([
    ['10.0.0.1', []],
    ['fd00::1', []],
    ['10.0.0', ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['::ffff:10.0.0.1', ['must not be an IPv4-mapped IPv6 address']],
  ])('says of %s: %j', (text, problems) => {
    expect(ipProblems(text)).toEqual(problems)
  })
})

describe('specialIpProblems', () => {
  const loopback = 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
  const linkLocal = 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
  const multicast = 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
  it.each([
    ['0.0.0.0', ['may not be unspecified (0.0.0.0)']],
    ['::', ['may not be unspecified (::)']],
    ['127.1.2.3', [loopback]],
    ['::1', [loopback]],
    ['169.254.169.254', [linkLocal]],
    ['febf::1', [linkLocal]],
    ['224.0.0.251', [multicast]],
    ['ff02::fb', [multicast]],
    ['224.0.1.1', []],
    ['203.0.113.5', []],
    ['2001:db8::1', []],
  ])('says of %s: %j', (text, problems) => {
    expect(specialIpProblems(text)).toEqual(problems)
  })
})
