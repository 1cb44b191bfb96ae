import { describe, expect, it } from 'vitest'
import type { RegistryError } from './errors.ts'
import { admitSlice, type SliceInput } from './slice-admission.ts'

const fresh = { uid: 'fresh-uid', now: '2026-01-02T03:04:05.678Z' }
const later = { uid: 'later-uid', now: '2026-01-02T04:00:00.000Z' }

const metadata = { name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } }
const fine: SliceInput = {
  metadata,
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'] }],
  ports: [{ name: 'sql', port: 5432 }],
}

const problemsWith = (change: Partial<SliceInput>, old?: Parameters<typeof admitSlice>[1]) => {
  try {
    admitSlice({ ...fine, ...change }, old, fresh)
  } catch (error) {
    const { code, violations } = error as RegistryError
    if (code !== 'INVALID') throw error
    return violations.map((v) => `${v.field}: ${v.description}`)
  }
  return []
}

const conditionsOf = (conditions: object | undefined) =>
  admitSlice({ ...fine, endpoints: [{ addresses: ['10.0.0.1'], conditions }] }, undefined, fresh)
    .endpoints[0]?.conditions

const endpoints = (count: number, addresses: readonly string[] = ['10.0.0.1']) =>
  Array.from({ length: count }, () => ({ addresses }))

const ports = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `p${i}`, port: i + 1 }))

describe('admitSlice', () => {
  it('fills in every default', () => {
    expect(admitSlice(fine, undefined, fresh)).toEqual({
      metadata: {
        ...metadata,
        namespace: 'default',
        uid: 'fresh-uid',
        annotations: {},
        creationTimestamp: fresh.now,
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.0.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          hostname: '',
          nodeName: '',
          zone: '',
        },
      ],
      ports: [{ name: 'sql', protocol: 'TCP', port: 5432 }],
    })
  })

  it.each([
    [undefined, { ready: true, serving: true, terminating: false }],
    [{}, { ready: true, serving: true, terminating: false }],
    [{ ready: undefined }, { ready: true, serving: true, terminating: false }],
    [{ ready: false }, { ready: false, serving: false, terminating: false }],
    [
      { ready: false, serving: true },
      { ready: false, serving: true, terminating: false },
    ],
    [{ serving: false }, { ready: true, serving: false, terminating: false }],
    [{ terminating: true }, { ready: true, serving: true, terminating: true }],
  ])('reads the conditions %j as %j', (conditions, expected) => {
    expect(conditionsOf(conditions)).toEqual(expected)
  })

  it('gives the same slice when it is applied again', () => {
    const first = admitSlice(fine, undefined, fresh)
    expect(admitSlice(fine, first, later)).toEqual(first)
  })

  it('takes a slice at all its limits, and one without endpoints and ports', () => {
    const full = {
      endpoints: [...endpoints(999), { addresses: endpoints(100).flatMap((e) => e.addresses) }],
      ports: ports(100),
    }
    expect([problemsWith(full), problemsWith({ endpoints: [], ports: [] })]).toEqual([[], []])
  })

  it('takes what may be said of an endpoint and a port', () => {
    const endpoint = { addresses: ['::1'], hostname: 'a', nodeName: 'n.x', zone: 'Z_1' }
    const port = { name: '', protocol: 'UDP', port: 53, appProtocol: 'kubernetes.io/h2c' }
    const input = { ...fine, addressType: 'IPv6', endpoints: [endpoint], ports: [port] }
    expect(admitSlice(input, undefined, fresh)).toMatchObject(input)
  })

  it('drops an application protocol that says nothing', () => {
    const slice = admitSlice({ ...fine, ports: [{ port: 1, appProtocol: '' }] }, undefined, fresh)
    expect(slice.ports).toEqual([{ name: '', protocol: 'TCP', port: 1 }])
  })

  it.each([
    [
      { metadata: { ...metadata, name: 'a_b' } },
      'metadata.name: Invalid value: "a_b": a lowercase',
    ],
    [
      { metadata: { name: 'a' } },
      'metadata.labels[kubernetes.io/service-name]: Required value: must name the service',
    ],
    [
      { metadata: { name: 'a', labels: { 'kubernetes.io/service-name': '' } } },
      'metadata.labels[kubernetes.io/service-name]: Required value: must name the service',
    ],
    [
      { metadata: { name: 'a', labels: { 'kubernetes.io/service-name': '1db' } } },
      'metadata.labels[kubernetes.io/service-name]: Invalid value: "1db": a DNS-1035 label must',
    ],
    [{ addressType: '' }, 'addressType: Required value'],
    [
      { addressType: 'FQDN' },
      'addressType: Unsupported value: "FQDN": supported values: "IPv4", "IPv6"',
    ],
    [{ endpoints: endpoints(1001) }, 'endpoints: Too many: 1001: must have at most 1000 items'],
    [
      { endpoints: endpoints(1, []) },
      'endpoints[0].addresses: Required value: must contain at least 1 address',
    ],
    [
      { endpoints: [{}] },
      'endpoints[0].addresses: Required value: must contain at least 1 address',
    ],
    [
      { endpoints: endpoints(1, Array(101).fill('10.0.0.1')) },
      'endpoints[0].addresses: Too many: 101: must have at most 100 items',
    ],
    [
      { endpoints: endpoints(1, ['10.0.0.1', 'fd00::1']) },
      'endpoints[0].addresses[1]: Invalid value: "fd00::1": must be a valid IPv4 address',
    ],
    [
      { endpoints: endpoints(1, ['169.254.169.254']) },
      'endpoints[0].addresses[0]: Invalid value: "169.254.169.254": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      { endpoints: [{ addresses: ['10.0.0.1'], hostname: 'a.b' }] },
      'endpoints[0].hostname: Invalid value: "a.b": must not contain dots',
    ],
    [
      { endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'A' }] },
      'endpoints[0].nodeName: Invalid value: "A": a lowercase RFC 1123 subdomain',
    ],
    [
      { endpoints: [{ addresses: ['10.0.0.1'], zone: 'a b' }] },
      'endpoints[0].zone: Invalid value: "a b": a valid label must',
    ],
    [{ ports: ports(101) }, 'ports: Too many: 101: must have at most 100 items'],
    [{ ports: [{}] }, 'ports[0].port: Required value'],
    [
      { ports: [{ port: 65_536 }] },
      'ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [{ ports: [{ port: 1 }, { port: 2 }] }, 'ports[1].name: Duplicate value: ""'],
    [
      { ports: [{ name: 'A', port: 1 }] },
      'ports[0].name: Invalid value: "A": a lowercase RFC 1123',
    ],
    [
      { ports: [{ port: 1, protocol: 'HTTP' }] },
      'ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      { ports: [{ port: 1, appProtocol: 'a b' }] },
      'ports[0].appProtocol: Invalid value: "a b": name part must consist of',
    ],
  ])('refuses %j', (change, expected) => {
    expect(problemsWith(change)).toEqual([expect.stringContaining(expected)])
  })

  it('refuses to change the address type', () => {
    const old = admitSlice(fine, undefined, fresh)
    const change = { addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] }
    expect(problemsWith(change, old)).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ])
  })
})
