import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dnsEndpoint, dnsService } from '../../../test/support/dns.ts'
import type { DnsService } from './dns-service.ts'
import { Zone } from './zone.ts'

const options = {
  clusterDomain: 'cluster.local',
  ttlSeconds: 5,
  podNames: 'verified',
  reverseZones: ['10.0.0.0/8'],
} as const

const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '192.168.0.1', 'fd00::1', 'fd00::')
const endpoint = fc
  .record({
    addresses: fc.uniqueArray(address, { minLength: 1, maxLength: 2 }),
    hostname: fc.constantFrom('', 'a', 'b'),
    isPod: fc.boolean(),
  })
  .map(({ addresses, ...own }) => dnsEndpoint('', { ...own, addresses }))
const service: fc.Arbitrary<DnsService> = fc
  .record({
    namespace: fc.constantFrom('n1', 'n2'),
    name: fc.constantFrom('s1', 's2', 's3'),
    clusterIps: fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.9', 'fd00::9'), {
      maxLength: 2,
    }),
    externalName: fc.constantFrom('', '', '', 'example.org'),
    endpoints: fc.array(endpoint, { maxLength: 3 }),
  })
  .map(({ name, ...own }) => dnsService(name, own))
const change = fc.oneof(
  service.map((put) => ({ put })),
  fc
    .tuple(fc.constantFrom('n1', 'n2'), fc.constantFrom('s1', 's2', 's3'))
    .map((key) => ({ remove: key.join('/') })),
)

it('a zone changed service by service is the one built of what is left', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const zone = new Zone(options)
      const left = new Map<string, DnsService>()
      for (const one of changes) {
        if ('put' in one) {
          zone.put(one.put)
          left.set(`${one.put.namespace}/${one.put.name}`, one.put)
        } else {
          zone.remove(one.remove)
          left.delete(one.remove)
        }
      }

      const rebuilt = new Zone(options)
      for (const one of left.values()) rebuilt.put(one)
      expect(zone.dump()).toEqual(rebuilt.dump())
    }),
    { numRuns: 300 },
  )
})

it('answers are encoded anew after a change', () => {
  const zone = new Zone(options)
  zone.put(dnsService('web', { clusterIps: ['10.0.0.1'] }))
  const name = '\x03web\x04demo\x03svc\x07cluster\x05local\0'
  const before = zone.answer(name, 1)?.answer.bytes.subarray(-4)
  zone.put(dnsService('web', { clusterIps: ['10.0.0.2'] }))
  const after = zone.answer(name, 1)?.answer.bytes.subarray(-4)
  expect([before, after]).toEqual([Buffer.of(10, 0, 0, 1), Buffer.of(10, 0, 0, 2)])
})

it('a cluster domain that is no name is refused', () => {
  expect(() => new Zone({ ...options, clusterDomain: 'a..b' })).toThrow('a..b is no domain name')
})
