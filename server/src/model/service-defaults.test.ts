import { describe, expect, it } from 'vitest'
import { defaultService } from './service-defaults.ts'

describe('defaultService', () => {
  it('makes a TCP port of a ClusterIP service out of a port number', () => {
    expect(defaultService({ ports: [{ port: 80 }] })).toMatchObject({
      type: 'ClusterIP',
      ports: [{ name: '', protocol: 'TCP', port: 80, targetPort: 80, nodePort: 0 }],
      selector: {},
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      publishNotReadyAddresses: false,
    })
  })

  it('takes empty text for nothing said', () => {
    const blank = { type: '', sessionAffinity: '', ipFamilyPolicy: '', externalTrafficPolicy: '' }
    expect(defaultService({ ...blank, internalTrafficPolicy: '' })).toEqual(defaultService({}))
  })

  it.each([
    ['8080', 8080],
    ['http', 'http'],
    ['', 80],
    ['0', 80],
    [0, 80],
    [undefined, 80],
  ])('reads target port %j as %j', (targetPort, expected) => {
    expect(defaultService({ ports: [{ port: 80, targetPort }] }).ports[0]?.targetPort).toBe(
      expected,
    )
  })

  it('keeps clients for three hours where they are to be kept', () => {
    expect(defaultService({ sessionAffinity: 'ClientIP' }).sessionAffinityConfig).toEqual({
      clientIP: { timeoutSeconds: 10_800 },
    })
  })

  it('drops the affinity settings without affinity', () => {
    const sessionAffinityConfig = { clientIP: { timeoutSeconds: 5 } }
    expect(defaultService({ sessionAffinityConfig }).sessionAffinityConfig).toBeUndefined()
  })

  it.each([
    ['ClusterIP', [], undefined],
    ['ClusterIP', ['203.0.113.1'], 'Cluster'],
    ['NodePort', [], 'Cluster'],
    ['LoadBalancer', [], 'Cluster'],
    ['ExternalName', ['203.0.113.1'], undefined],
  ])(
    'gives %s with external IPs %j the external traffic policy %s',
    (type, externalIPs, policy) => {
      expect(defaultService({ type, externalIPs }).externalTrafficPolicy).toBe(policy)
    },
  )

  it('lets only load balancers have node ports by default', () => {
    const allocates = (type: string) => defaultService({ type }).allocateLoadBalancerNodePorts
    expect(['ClusterIP', 'NodePort', 'LoadBalancer'].map(allocates)).toEqual([
      undefined,
      undefined,
      true,
    ])
  })

  it('has no policy for traffic from inside to an external name', () => {
    expect(defaultService({ type: 'ExternalName' }).internalTrafficPolicy).toBeUndefined()
  })
})
