import { describe, expect, it } from 'vitest'
import type { Service } from './service.ts'
import { admitService, type ClusterRanges, ServiceAllocator } from './service-admission.ts'

const ranges: ClusterRanges = {
  clusterIPs: ['10.96.0.0/16'],
  nodePorts: { from: 30_000, to: 32_767 },
}
const fresh = { uid: 'u', now: '2026-01-01T00:00:00.000Z' }

const stored = (name: string, spec: object): Service =>
  admitService(
    { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } },
    undefined,
    new ServiceAllocator({ ...ranges, clusterIPs: ['10.96.0.0/16', 'fd00::/108'] }),
    fresh,
  ).service

describe('ServiceAllocator', () => {
  it.each<[Partial<ClusterRanges>, string]>([
    [{ clusterIPs: [] }, 'cluster IP ranges (): give one, or one IPv4 and one IPv6 range'],
    [
      { clusterIPs: ['10.0.0.0/16', '10.1.0.0/16'] },
      'cluster IP ranges (10.0.0.0/16, 10.1.0.0/16): give one, or one IPv4 and one IPv6 range',
    ],
    [{ clusterIPs: ['10.0.0.0'] }, 'cluster IP range "10.0.0.0" is no CIDR, e.g. 10.96.0.0/16'],
    [
      { nodePorts: { from: 10, to: 9 } },
      'node port range 10-9: give two ports of 1 to 65535, the lower first',
    ],
    [
      { nodePorts: { from: 0, to: 9 } },
      'node port range 0-9: give two ports of 1 to 65535, the lower first',
    ],
    [
      { nodePorts: { from: 1, to: 65_536 } },
      'node port range 1-65536: give two ports of 1 to 65535, the lower first',
    ],
  ])('refuses the ranges %j', (bad, message) => {
    expect(() => new ServiceAllocator({ ...ranges, ...bad })).toThrow(message)
  })

  it('takes over what stored services hold', () => {
    const allocator = new ServiceAllocator(ranges)
    const web = stored('web', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
    expect(allocator.restore(web)).toEqual([])
    const { clusterIP, ports, healthCheckNodePort } = web.spec
    expect(allocator.inUse()).toEqual({
      addresses: [clusterIP],
      ports: [ports[0]?.nodePort, healthCheckNodePort],
    })
  })

  it('reports stored conflicts, and keeps the values until both services are gone', () => {
    const allocator = new ServiceAllocator(ranges)
    const spec = {
      type: 'NodePort',
      clusterIP: '10.96.0.5',
      ports: [{ port: 80, nodePort: 30_080 }],
    }
    const [a, b] = [stored('a', spec), stored('b', spec)]
    expect(allocator.restore(a)).toEqual([])
    expect(allocator.restore(b)).toEqual([
      'default/b: clusterIP 10.96.0.5: provided IP is already allocated',
      'default/b: nodePort 30080: provided port is already allocated',
    ])
    allocator.release(a)
    expect(allocator.inUse()).toEqual({ addresses: ['10.96.0.5'], ports: [30_080] })
    allocator.release(b)
    expect(allocator.inUse()).toEqual({ addresses: [], ports: [] })
  })

  it('reports what a change of the ranges left outside', () => {
    const allocator = new ServiceAllocator({
      clusterIPs: ['10.97.0.0/16'],
      nodePorts: { from: 31_000, to: 31_100 },
    })
    const web = stored('web', {
      type: 'NodePort',
      clusterIP: '10.96.0.5',
      clusterIPs: ['10.96.0.5', 'fd00::5'],
      ipFamilyPolicy: 'RequireDualStack',
      ports: [{ port: 80, nodePort: 30_080 }],
    })
    expect(allocator.restore(web)).toEqual([
      'default/web: clusterIP 10.96.0.5: provided IP is not in the valid range. The range of valid IPs is 10.97.0.0/16',
      'default/web: clusterIP fd00::5: IPv6 is not configured on this cluster',
      'default/web: nodePort 30080: provided port is not in the valid range. The range of valid ports is 31000-31100',
    ])
    allocator.release(web)
    expect(allocator.inUse()).toEqual({ addresses: [], ports: [] })
  })
})
