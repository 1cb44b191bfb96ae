import { describe, expect, it } from 'vitest'
import type { Service } from './service.ts'
import { admitServiceStatus } from './service-status.ts'

const service = (type: string) =>
  ({
    metadata: { name: 'web', namespace: 'default' },
    spec: { type },
    status: { loadBalancer: { ingress: [] } },
  }) as unknown as Service

const NOTHING = { ip: '', hostname: '', ipMode: '' }

/** The ingress that is stored for what a provider writes. */
const admit = (way: Partial<typeof NOTHING>, type = 'LoadBalancer') =>
  admitServiceStatus(service(type), { loadBalancer: { ingress: [{ ...NOTHING, ...way }] } }).status
    .loadBalancer.ingress

/** What is said against it. */
const refusal = (way: Partial<typeof NOTHING>, type?: string) => {
  try {
    return admit(way, type)
  } catch (error) {
    return (error as { violations: unknown }).violations
  }
}

describe('admitServiceStatus', () => {
  it('gives an address the mode VIP', () => {
    expect(admit({ ip: '203.0.113.9' })).toEqual([
      { ip: '203.0.113.9', hostname: '', ipMode: 'VIP' },
    ])
  })

  it.each([
    { ip: '2001:db8::1', ipMode: 'Proxy' },
    { hostname: 'lb.example.com' },
    { ip: '203.0.113.9', hostname: 'lb.example.com', ipMode: 'VIP' },
    {},
  ])('takes %j as it is', (way) => {
    expect(admit(way)).toEqual([{ ...NOTHING, ...way }])
  })

  it('leaves metadata and spec as they are', () => {
    const old = service('LoadBalancer')
    const ingress = [{ ...NOTHING, ip: '203.0.113.9' }]
    const { metadata, spec } = admitServiceStatus(old, { loadBalancer: { ingress } })
    expect({ metadata, spec }).toEqual({ metadata: old.metadata, spec: old.spec })
  })

  it.each([
    [
      { ip: '203.0.113.256' },
      'ip',
      'Invalid value: "203.0.113.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { hostname: 'h', ipMode: 'VIP' },
      'ipMode',
      'Forbidden: may not be specified when `ip` is not set',
    ],
    [
      { ip: '203.0.113.9', ipMode: 'Direct' },
      'ipMode',
      'Unsupported value: "Direct": supported values: "Proxy", "VIP"',
    ],
    [
      { hostname: '203.0.113.9' },
      'hostname',
      'Invalid value: "203.0.113.9": must be a DNS name, not an IP address',
    ],
    [{ hostname: 'LB' }, 'hostname', expect.stringContaining('a lowercase RFC 1123 subdomain')],
  ])('refuses %j by its field %s', (way, field, description) => {
    expect(refusal(way)).toEqual([
      { field: `status.loadBalancer.ingress[0].${field}`, description },
    ])
  })

  it.each(['ClusterIP', 'NodePort', 'ExternalName'])('refuses any way into a %s', (type) => {
    expect(refusal({ ip: '203.0.113.9' }, type)).toEqual([
      {
        field: 'status.loadBalancer.ingress',
        description: 'Forbidden: may only be used when `spec.type` is "LoadBalancer"',
      },
    ])
  })

  it('takes an empty status for every type', () => {
    const admitted = admitServiceStatus(service('ClusterIP'), { loadBalancer: { ingress: [] } })
    expect(admitted.status).toEqual({ loadBalancer: { ingress: [] } })
  })
})
