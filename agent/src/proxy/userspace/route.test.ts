import { describe, expect, it } from 'vitest'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { ProxyModel } from '../model/proxy-model.ts'
import { realPort, routesOf } from './route.ts'

const machine = {
  ownIPs: new Set(['127.0.0.1', '192.168.1.5']),
  nodePortAddresses: ['127.0.0.1', '192.168.1.5', '::1'],
  firstBindablePort: 1024,
}

const modelOf = (...sets: ReturnType<typeof serviceSet>[]) => {
  const model = new ProxyModel({ node: 'n1', zone: '' })
  model.apply({ changed: sets, removed: [] })
  return model.frontends
}

const keys = (...sets: ReturnType<typeof serviceSet>[]) => [
  ...routesOf(modelOf(...sets), machine, new Map()).keys(),
]

const a = endpoint('a', 1)

describe('what to listen at', () => {
  it.each([
    ['a ClusterIP out of 127.0.0.0/8', '127.96.3.7', 'TCP/127.96.3.7:8080'],
    ['any other ClusterIP by its last 16 bits', '10.96.3.7', 'TCP/127.96.3.7:8080'],
    ['a ClusterIP of this machine', '192.168.1.5', 'TCP/192.168.1.5:8080'],
  ])('is for %s', (_what, clusterIp, key) => {
    expect(keys(serviceSet({ clusterIp }, [a]))).toEqual([key])
  })

  it('is for load balancer IPs and external IPs what this machine has, or 127.97', () => {
    const spec = { type: 'LoadBalancer', externalIps: ['192.168.1.5', '192.168.1.6'] }
    const set = serviceSet(spec, [a], { ingress: [{ ip: '203.0.113.9' }] })
    expect(keys(set)).toEqual([
      'TCP/127.96.0.10:8080',
      'TCP/192.168.1.5:8080',
      'TCP/127.97.113.9:8080',
    ])
  })

  it('is for NodePorts every address of their family they are open at', () => {
    const set = serviceSet({ type: 'NodePort', ports: [{ nodePort: 30_080 }] }, [a])
    expect(keys(set).slice(1)).toEqual(['TCP/127.0.0.1:30080', 'TCP/192.168.1.5:30080'])
  })

  it('is nothing without endpoints, nor for SCTP', () => {
    const sctp = endpoint('a', 1, { protocol: 'SCTP' })
    expect(keys(serviceSet({}, []))).toEqual([])
    expect(keys(serviceSet({ ports: [{ protocol: 'SCTP' }] }, [sctp]))).toEqual([])
  })

  it('stays the same object while its frontend does', () => {
    const frontends = modelOf(serviceSet({}, [a]))
    const before = routesOf(frontends, machine, new Map())
    const after = routesOf(frontends, machine, before)
    expect([...after.values()][0]).toBe([...before.values()][0])
  })
})

describe('a port that may not be bound', () => {
  const portOf = (port: number, ...ports: number[]) => {
    const all = [port, ...ports].map((one) => ({ name: `p${one}`, port: one }))
    const frontends = modelOf(serviceSet({ ports: all }, []))
    const frontend = frontends.get(`TCP/127.96.0.10:${port}`)
    return frontend && realPort(frontend, frontends, machine.firstBindablePort)
  }

  it('is raised by 10,000', () => {
    expect([80, 443, 1023].map((port) => portOf(port))).toEqual([10_080, 10_443, 11_023])
    expect([1024, 8080].map((port) => portOf(port))).toEqual([1024, 8080])
  })

  it('is raised again where the address has that port already', () => {
    expect(portOf(80, 10_080)).toBe(20_080)
    expect(portOf(80, 10_080, 20_080)).toBe(30_080)
  })
})
