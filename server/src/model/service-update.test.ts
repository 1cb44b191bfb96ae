import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { defaultService } from './service-defaults.ts'
import type { ServiceSpecInput } from './service-input.ts'
import {
  carryOver,
  dropTypeDependentFields,
  normalizeClusterIPs,
  validateServiceUpdate,
} from './service-update.ts'

const nodePorts = (spec: ServiceSpecInput, old: ServiceSpecInput): (number | undefined)[] =>
  carryOver(defaultService(spec), defaultService(old)).ports.map((port) => port.nodePort)

describe('carryOver', () => {
  const web = { name: 'web', port: 80, nodePort: 30_080 }
  const dns = { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30_053 }
  const old = { type: 'NodePort', ports: [web, dns] }

  it('keeps the node port of a name, whatever became of its port', () => {
    const ports = [
      { name: 'dns', port: 5353, protocol: 'TCP' },
      { name: 'web', port: 8080 },
    ]
    expect(nodePorts({ type: 'LoadBalancer', ports }, old)).toEqual([30_053, 30_080])
  })

  it('does not keep the node port of a renamed port', () => {
    expect(nodePorts({ type: 'NodePort', ports: [{ name: 'http', port: 80 }] }, old)).toEqual([0])
  })

  it('leaves a node port to the port the caller moved it to', () => {
    const ports = [
      { name: 'web', port: 80 },
      { name: 'new', port: 81, nodePort: 30_080 },
    ]
    expect(nodePorts({ type: 'NodePort', ports }, old)).toEqual([0, 30_080])
  })

  it('does not let two ports of one protocol keep the node port they shared', () => {
    const shared = [
      { name: 'tcp', port: 53, nodePort: 30_053 },
      { name: 'udp', port: 53, protocol: 'UDP', nodePort: 30_053 },
    ]
    const ports = [
      { name: 'tcp', port: 53 },
      { name: 'udp', port: 54 },
    ]
    expect(nodePorts({ type: 'NodePort', ports }, { type: 'NodePort', ports: shared })).toEqual([
      30_053, 0,
    ])
  })

  it('keeps nothing for a type without node ports', () => {
    expect(nodePorts({ ports: [{ name: 'web', port: 80 }] }, old)).toEqual([0])
  })

  it('keeps addresses and the health check port left blank', () => {
    const balanced = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }
    const kept = carryOver(
      defaultService(balanced),
      defaultService({
        ...balanced,
        clusterIP: '10.96.0.5',
        clusterIPs: ['10.96.0.5', 'fd00::5'],
        healthCheckNodePort: 30_500,
      }),
    )
    expect(kept).toMatchObject({
      clusterIP: '10.96.0.5',
      clusterIPs: ['10.96.0.5', 'fd00::5'],
      healthCheckNodePort: 30_500,
    })
  })
})

describe('normalizeClusterIPs', () => {
  const old = { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }
  it.each<[string, ServiceSpecInput, ServiceSpecInput | undefined, readonly string[]]>([
    ['fills in the list on creation', { clusterIP: 'None' }, undefined, ['None']],
    [
      'does not guess the first from the list',
      { clusterIPs: ['10.96.0.5'] },
      undefined,
      ['10.96.0.5'],
    ],
    ['follows a change of the first alone', { ...old, clusterIP: 'None' }, old, ['None']],
    ['clears the list with the first', { ...old, clusterIP: '' }, old, []],
    ['keeps the list with an unchanged first', { clusterIP: '10.96.0.5' }, old, ['10.96.0.5']],
    ['leaves two changes to validation', { clusterIP: 'a', clusterIPs: ['b'] }, old, ['b']],
  ])('%s', (_, spec, was, expected) => {
    const draft = normalizeClusterIPs(defaultService(spec), was && defaultService(was))
    expect(draft.clusterIPs).toEqual(expected)
  })
})

describe('dropTypeDependentFields', () => {
  const old = {
    type: 'LoadBalancer',
    ports: [{ port: 80, nodePort: 30_080 }],
    clusterIP: '10.96.0.5',
    clusterIPs: ['10.96.0.5'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 30_500,
    allocateLoadBalancerNodePorts: true,
    loadBalancerClass: 'example.com/lb',
  }
  const drop = (spec: ServiceSpecInput) =>
    dropTypeDependentFields(defaultService(spec), defaultService(old))

  it('wipes what ClusterIP has no use for', () => {
    const { clusterIP, ports, ...rest } = drop({ ...old, type: 'ClusterIP' })
    expect([clusterIP, ports[0]?.nodePort]).toEqual(['10.96.0.5', 0])
    expect(rest).toMatchObject({
      externalTrafficPolicy: undefined,
      healthCheckNodePort: 0,
      allocateLoadBalancerNodePorts: undefined,
      loadBalancerClass: undefined,
    })
  })

  it('wipes addresses and families too for ExternalName', () => {
    expect(drop({ ...old, type: 'ExternalName' })).toMatchObject({
      clusterIP: '',
      clusterIPs: [],
      ipFamilies: [],
      ipFamilyPolicy: undefined,
    })
  })

  it('keeps what the caller changed along with the type, for validation to refuse', () => {
    const changed = {
      type: 'ExternalName',
      ports: [{ port: 80, nodePort: 30_081 }],
      clusterIP: '10.96.0.6',
      clusterIPs: ['10.96.0.6'],
      ipFamilies: ['IPv6'],
      ipFamilyPolicy: 'PreferDualStack',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 30_501,
      allocateLoadBalancerNodePorts: false,
      loadBalancerClass: 'example.com/other',
    }
    expect(drop(changed)).toEqual(defaultService(changed))
  })

  it('wipes nothing while the type stays', () => {
    expect(drop(old)).toEqual(defaultService(old))
  })
})

describe('validateServiceUpdate', () => {
  const problems = (spec: ServiceSpecInput, old: ServiceSpecInput): string[] => {
    const errors = new FieldErrors()
    validateServiceUpdate(defaultService(spec), defaultService(old), errors)
    return errors.violations.map((v) => `${v.field}: ${v.description}`)
  }
  const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }

  it('holds on to the load balancer class while the type stays', () => {
    const old = { type: 'LoadBalancer', loadBalancerClass: 'a.b/c' }
    expect(problems({ ...old, loadBalancerClass: 'a.b/d' }, old)).toEqual([
      'spec.loadBalancerClass: Invalid value: "a.b/d": may not change once set',
    ])
    expect(problems({ type: 'LoadBalancer' }, old)).toEqual([
      'spec.loadBalancerClass: Invalid value: null: may not change once set',
    ])
    expect(problems({ ...old, type: 'NodePort', loadBalancerClass: 'a.b/d' }, old)).toEqual([])
  })

  it('holds on to the health check port while it is needed', () => {
    const old = { ...local, healthCheckNodePort: 30_500 }
    expect(problems({ ...local, healthCheckNodePort: 30_501 }, old)).toEqual([
      'spec.healthCheckNodePort: Forbidden: field is immutable',
    ])
    expect(problems({ type: 'LoadBalancer' }, old)).toEqual([])
  })
})
