import { describe, expect, it } from 'vitest'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { frontendsOf } from './frontends-of.ts'

const here = { node: 'n1', zone: 'z1' }
const onNode = (id: string, nodeName: string, own = {}) => endpoint(id, 1, { nodeName, ...own })
const leaving = { ready: false, serving: true, terminating: true }

const ids = (set: ReturnType<typeof serviceSet>, kind = 'ClusterIP', place = here) =>
  frontendsOf(set, place)
    .frontends.filter((frontend) => frontend.kind === kind)
    .map(({ backends }) => backends.map(({ endpointId }) => endpointId))[0]

describe('the frontends of a service', () => {
  it('are its addresses times its ports', () => {
    const set = serviceSet(
      {
        type: 'LoadBalancer',
        ports: [
          { name: 'main', port: 80, nodePort: 30080 },
          { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
        ],
        externalIps: ['203.0.113.1'],
      },
      [],
      { ingress: [{ ip: '127.97.0.1' }, { ip: '127.97.0.2', ipMode: 'Proxy' }] },
    )
    expect(frontendsOf(set, here).frontends.map(({ kind, key }) => `${kind} ${key}`)).toEqual([
      'ClusterIP TCP/127.96.0.10:80',
      'ExternalIP TCP/203.0.113.1:80',
      'LoadBalancer TCP/127.97.0.1:80',
      'NodePort TCP/0.0.0.0:30080',
      'ClusterIP UDP/127.96.0.10:53',
      'ExternalIP UDP/203.0.113.1:53',
      'LoadBalancer UDP/127.97.0.1:53',
      'NodePort UDP/0.0.0.0:30053',
    ])
  })

  it.each([
    ['headless', { clusterIp: 'None' }],
    ['an ExternalName', { type: 'ExternalName', clusterIp: '', externalName: 'a.example' }],
  ])('are none when it is %s', (_what, spec) => {
    expect(frontendsOf(serviceSet(spec, [endpoint('a', 1)]), here).frontends).toEqual([])
  })

  it('are of both families when it is, each with the addresses of its own', () => {
    const set = serviceSet({ clusterIps: ['127.96.0.10', 'fd00::10'] }, [
      endpoint('a', 7, { addresses: ['10.0.0.1', 'fd00::1'] }),
      endpoint('b', 7, { addresses: ['10.0.0.2'] }),
    ])
    const { frontends } = frontendsOf(set, here)
    expect(
      frontends.map(({ key, backends }) => [key, backends.map(({ address }) => address)]),
    ).toEqual([
      ['TCP/127.96.0.10:8080', ['10.0.0.1', '10.0.0.2']],
      ['TCP/[fd00::10]:8080', ['fd00::1']],
    ])
  })

  it('carry the session affinity, in milliseconds, three hours by default', () => {
    const timeouts = [null, { clientIp: { timeoutSeconds: 5 } }].map((config) => {
      const spec = { sessionAffinity: 'ClientIP', sessionAffinityConfig: config }
      return frontendsOf(serviceSet(spec, []), here).frontends[0]?.affinityTimeoutMs
    })
    expect(timeouts).toEqual([10_800_000, 5_000])
  })

  it('keep source ranges to load balancer IPs', () => {
    const set = serviceSet(
      {
        type: 'LoadBalancer',
        loadBalancerSourceRanges: [' 10.0.0.0/8 ', 'fd00::/8'],
        ports: [{ nodePort: 30080 }],
      },
      [],
      { ingress: [{ ip: '127.97.0.1' }] },
    )
    const { frontends } = frontendsOf(set, here)
    expect(frontends.map(({ kind, sourceRanges }) => [kind, sourceRanges])).toEqual([
      ['ClusterIP', []],
      ['LoadBalancer', ['10.0.0.0/8']],
      ['NodePort', []],
    ])
  })
})

describe('the backends of a frontend', () => {
  it('are the ready endpoints that have the port', () => {
    const other = [{ name: 'other', protocol: 'TCP', port: 1, appProtocol: '' }]
    const set = serviceSet({}, [
      endpoint('b', 1),
      endpoint('a', 1),
      endpoint('c', 1, { ready: false, serving: false }),
      endpoint('d', 1, leaving),
      endpoint('e', 1, { ports: other }),
    ])
    expect(ids(set)).toEqual(['a', 'b'])
  })

  it('are those that serve while they terminate when none is ready', () => {
    const set = serviceSet({}, [
      endpoint('a', 1, leaving),
      endpoint('b', 1, { ready: false, serving: false, terminating: true }),
    ])
    expect(frontendsOf(set, here).frontends[0]?.backends).toEqual([
      { endpointId: 'a', address: '127.0.0.1', port: 1, weight: 100, terminating: true },
    ])
  })

  it('leave out weight 0 while others have some', () => {
    const idle = endpoint('a', 1, { weight: 0 })
    expect(ids(serviceSet({}, [idle, endpoint('b', 1)]))).toEqual(['b'])
    expect(ids(serviceSet({}, [idle]))).toEqual(['a'])
  })

  it('are local ones for internalTrafficPolicy Local, terminating ones in need, else none', () => {
    const local = (...endpoints: ReturnType<typeof onNode>[]) =>
      ids(serviceSet({ internalTrafficPolicy: 'Local' }, endpoints))
    expect(local(onNode('a', 'n1'), onNode('b', 'n2'))).toEqual(['a'])
    expect(local(onNode('a', 'n1', leaving), onNode('b', 'n2'))).toEqual(['a'])
    expect(local(onNode('b', 'n2'))).toEqual([])
  })

  it('say why there are none', () => {
    const policy = { internalTrafficPolicy: 'Local' }
    const why = (set: ReturnType<typeof serviceSet>) =>
      frontendsOf(set, here).frontends[0]?.whyEmpty
    expect(why(serviceSet({}, []))).toBe('NoEndpoints')
    expect(why(serviceSet(policy, []))).toBe('NoEndpoints')
    expect(why(serviceSet(policy, [onNode('b', 'n2')]))).toBe('NoLocalEndpoints')
    expect(why(serviceSet(policy, [onNode('a', 'n1')]))).toBeUndefined()
  })

  it('are local ones for externalTrafficPolicy Local, but for insiders at load balancer IPs', () => {
    const set = serviceSet(
      {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        externalIps: ['203.0.113.1'],
        ports: [{ nodePort: 30080 }],
      },
      [onNode('a', 'n1'), onNode('b', 'n2')],
      { ingress: [{ ip: '127.97.0.1' }] },
    )
    const names = (backends: readonly { endpointId: string }[] | undefined) =>
      backends?.map(({ endpointId }) => endpointId).join()
    const { frontends } = frontendsOf(set, here)
    expect(
      frontends.map((one) => [one.kind, names(one.backends), names(one.insideBackends)]),
    ).toEqual([
      ['ClusterIP', 'a,b', undefined],
      ['ExternalIP', 'a', 'a,b'],
      ['LoadBalancer', 'a', 'a,b'],
      ['NodePort', 'a', undefined],
    ])
  })

  it.each([
    ['PreferSameZone', ['a', 'b']],
    ['PreferClose', ['a', 'b']],
    ['PreferSameNode', ['a']],
    [undefined, ['a', 'b', 'c']],
  ])('are the near ones for %s', (trafficDistribution, expected) => {
    const endpoints = [
      onNode('a', 'n1', { zone: 'z1' }),
      onNode('b', 'n2', { zone: 'z1' }),
      onNode('c', 'n3', { zone: 'z2' }),
    ]
    const spec = trafficDistribution === undefined ? {} : { trafficDistribution }
    expect(ids(serviceSet(spec, endpoints))).toEqual(expected)
  })

  it('are all when one does not say its zone, or the zone has none', () => {
    const spec = { trafficDistribution: 'PreferSameZone' }
    const [near, far] = [endpoint('a', 1, { zone: 'z1' }), endpoint('b', 1, { zone: 'z2' })]
    expect(ids(serviceSet(spec, [near, endpoint('c', 1)]))).toEqual(['a', 'c'])
    expect(ids(serviceSet(spec, [far]))).toEqual(['b'])
  })

  it('are near ones in the zone when the preferred node has none', () => {
    const endpoints = [onNode('a', 'n2', { zone: 'z1' }), onNode('b', 'n3', { zone: 'z2' })]
    expect(ids(serviceSet({ trafficDistribution: 'PreferSameNode' }, endpoints))).toEqual(['a'])
  })

  it('are never local on a node without a name', () => {
    const set = serviceSet({ internalTrafficPolicy: 'Local' }, [onNode('a', '')])
    expect(ids(set, 'ClusterIP', { node: '', zone: '' })).toEqual([])
  })
})

describe('the health check node port', () => {
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 30_999,
  }
  const endpoints = [onNode('a', 'n1'), onNode('b', 'n2'), onNode('c', 'n1', leaving)]

  it('counts the ready endpoints of this node', () => {
    expect(frontendsOf(serviceSet(spec, endpoints), here).healthCheck).toEqual({
      port: 30_999,
      namespace: 'shop',
      service: 'web',
      localEndpoints: 1,
    })
  })

  it('is only for externalTrafficPolicy Local', () => {
    const set = serviceSet({ ...spec, externalTrafficPolicy: 'Cluster' }, endpoints)
    expect(frontendsOf(set, here).healthCheck).toBeUndefined()
  })
})
