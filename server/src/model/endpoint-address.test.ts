import { describe, expect, it } from 'vitest'
import { podAddressProblems, sliceAddressProblems } from './endpoint-address.ts'

describe('podAddressProblems', () => {
  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '127.96.3.4',
    '169.254.0.1',
    '223.255.255.255',
    '::1',
    '2001:db8::1',
    'fd00:10::1',
    'FE80::1',
    '1::',
  ])('takes %s', (address) => {
    expect(podAddressProblems(address)).toEqual([])
  })

  it.each([
    ['', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['web', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['10.0.0.256', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['010.0.0.1', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['10.0.0.1/8', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['fe80::1%eth0', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['fd00::1%eth0', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['2001:db8', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['::ffff:10.0.0.1', 'must not be an IPv4-mapped IPv6 address'],
    ['0.0.0.0', 'may not be unspecified (0.0.0.0)'],
    ['::', 'may not be unspecified (::)'],
    ['0:0::0', 'may not be unspecified (0:0::0)'],
    ['224.0.0.1', 'may not be in the multicast range (224.0.0.0/4, ff00::/8)'],
    ['239.255.255.255', 'may not be in the multicast range (224.0.0.0/4, ff00::/8)'],
    ['ff02::1', 'may not be in the multicast range (224.0.0.0/4, ff00::/8)'],
    ['FF0E::1', 'may not be in the multicast range (224.0.0.0/4, ff00::/8)'],
  ])('refuses %s', (address, problem) => {
    expect(podAddressProblems(address)).toEqual([problem])
  })
})

describe('sliceAddressProblems', () => {
  it.each([
    ['10.0.0.1', 'IPv4'],
    ['127.0.0.1', 'IPv4'],
    ['2001:db8::1', 'IPv6'],
    ['::1', 'IPv6'],
  ] as const)('takes %s as %s', (address, family) => {
    expect(sliceAddressProblems(address, family)).toEqual([])
  })

  it.each([
    ['2001:db8::1', 'IPv4', 'must be a valid IPv4 address'],
    ['10.0.0.1', 'IPv6', 'must be a valid IPv6 address'],
    ['db.example.com', 'IPv4', 'must be a valid IPv4 address'],
    ['169.254.1.1', 'IPv4', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['febf::1', 'IPv6', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['224.0.0.1', 'IPv4', 'may not be in the multicast range (224.0.0.0/4, ff00::/8)'],
    ['0.0.0.0', 'IPv4', 'may not be unspecified (0.0.0.0)'],
  ] as const)('refuses %s as %s', (address, family, problem) => {
    expect(sliceAddressProblems(address, family)).toEqual([problem])
  })
})
