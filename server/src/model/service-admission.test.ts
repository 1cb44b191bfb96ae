import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RegistryError } from './errors.ts'
import type { Service } from './service.ts'
import { type Admission, admitService, ServiceAllocator } from './service-admission.ts'
import type { ServiceInput, ServiceSpecInput } from './service-input.ts'

const NODE_PORTS = { from: 30_000, to: 32_767 }
const DUAL = ['10.96.0.0/16', 'fd00::/108']
const fresh = { uid: 'uid-1', now: '2026-01-01T00:00:00.000Z' }
const later = { uid: 'uid-2', now: '2026-01-02T00:00:00.000Z' }

const cluster = (clusterIPs = DUAL, nodePorts = NODE_PORTS) =>
  new ServiceAllocator({ clusterIPs, nodePorts })

const web = (spec: ServiceSpecInput = {}): ServiceInput => ({
  metadata: { name: 'web' },
  spec: { ports: [{ port: 80 }], ...spec },
})

/** Admits and stores. */
const apply = (allocator: ServiceAllocator, input: ServiceInput, old?: Service): Service => {
  const { service, commit } = admitService(input, old, allocator, old ? later : fresh)
  commit()
  return service
}

const problemsOf = (act: () => unknown): string[] => {
  try {
    act()
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    return error.violations.map((v) => `${v.field}: ${v.description}`)
  }
  return []
}

/** What a service holds, told apart from the code under test. */
const heldBy = ({ spec }: Service): (string | number)[] => {
  const hasNodePorts = spec.type === 'NodePort' || spec.type === 'LoadBalancer'
  const ports = hasNodePorts ? spec.ports.map((port) => port.nodePort) : []
  return [
    ...spec.clusterIPs.filter((ip) => ip !== 'None'),
    ...new Set([...ports, spec.healthCheckNodePort].filter((port) => port !== 0)),
  ]
}
const inUse = (allocator: ServiceAllocator): (string | number)[] => {
  const { addresses, ports } = allocator.inUse()
  return [...addresses, ...ports].sort()
}

describe('admitService, creating', () => {
  it('stores the least input with every default', () => {
    const { service } = admitService(web(), undefined, cluster(['10.96.0.0/30']), fresh)
    expect(service).toStrictEqual({
      metadata: {
        name: 'web',
        namespace: 'default',
        uid: 'uid-1',
        labels: {},
        annotations: {},
        creationTimestamp: '2026-01-01T00:00:00.000Z',
      },
      spec: {
        type: 'ClusterIP',
        ports: [{ name: '', protocol: 'TCP', port: 80, targetPort: 80, nodePort: 0 }],
        selector: {},
        matchExpressions: [],
        clusterIP: expect.stringMatching(/^10\.96\.0\.[12]$/),
        clusterIPs: [service.spec.clusterIP],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        externalName: '',
        externalIPs: [],
        sessionAffinity: 'None',
        internalTrafficPolicy: 'Cluster',
        healthCheckNodePort: 0,
        publishNotReadyAddresses: false,
        loadBalancerSourceRanges: [],
        loadBalancerIP: '',
      },
      status: { loadBalancer: { ingress: [] } },
    })
  })

  it('gives a dual-stack service an address of each family, in the order asked for', () => {
    const input = web({ ipFamilies: ['IPv6', 'IPv4'], ipFamilyPolicy: 'RequireDualStack' })
    const { clusterIP, clusterIPs } = apply(cluster(), input).spec
    expect(clusterIP).toBe(clusterIPs[0])
    expect(clusterIPs).toEqual([
      expect.stringMatching(/^fd00::/),
      expect.stringMatching(/^10\.96\./),
    ])
  })

  it('takes the address and the node port asked for', () => {
    const input = web({
      type: 'NodePort',
      clusterIP: '10.96.0.10',
      ports: [{ port: 80, nodePort: 30_080 }],
    })
    const { clusterIPs, ports } = apply(cluster(), input).spec
    expect([clusterIPs, ports[0]?.nodePort]).toEqual([['10.96.0.10'], 30_080])
  })

  it('shares one node port between two protocols of a port', () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53 },
      { name: 'http', port: 80 },
    ]
    const [udp, tcp, http] = apply(cluster(), web({ type: 'NodePort', ports })).spec.ports
    expect(tcp?.nodePort).toBe(udp?.nodePort)
    expect(http?.nodePort).not.toBe(udp?.nodePort)
  })

  it('shares the node port asked for in either protocol', () => {
    const ports = [
      { name: 'udp', port: 53, protocol: 'UDP' },
      { name: 'tcp', port: 53, nodePort: 30_053 },
    ]
    const { spec } = apply(cluster(), web({ type: 'NodePort', ports }))
    expect(spec.ports.map((port) => port.nodePort)).toEqual([30_053, 30_053])
  })

  it('takes the health check port out of the node ports', () => {
    const allocator = cluster(DUAL, { from: 30_000, to: 30_001 })
    const { spec } = apply(allocator, web({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))
    expect([spec.ports[0]?.nodePort, spec.healthCheckNodePort].sort()).toEqual([30_000, 30_001])
  })

  it('gives a load balancer without node ports only those asked for', () => {
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 81, nodePort: 30_081 },
    ]
    const input = web({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports })
    expect(apply(cluster(), input).spec.ports.map((port) => port.nodePort)).toEqual([0, 30_081])
  })

  it.each<[string, ServiceSpecInput]>([
    ['a headless service', { clusterIP: 'None' }],
    ['an external name', { type: 'ExternalName', externalName: 'example.com' }],
  ])('gives %s no address', (_, spec) => {
    const allocator = cluster()
    apply(allocator, web(spec))
    expect(inUse(allocator)).toEqual([])
  })

  it.each<[string, ServiceSpecInput, readonly string[]]>([
    [
      'an address out of range',
      { clusterIP: '10.97.0.1' },
      [
        'spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/16',
      ],
    ],
    [
      'an address in use',
      { clusterIP: '10.96.0.1' },
      [
        'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
      ],
    ],
    [
      'a node port out of range',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
      [
        'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
      ],
    ],
    [
      'a node port in use',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30_000 }] },
      ['spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated'],
    ],
    [
      'one node port for two port numbers',
      {
        type: 'NodePort',
        ports: [
          { name: 'a', port: 80, nodePort: 30_080 },
          { name: 'b', port: 81, protocol: 'UDP', nodePort: 30_080 },
        ],
      },
      ['spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated'],
    ],
    [
      'a health check port that is a node port',
      {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30_080,
        ports: [{ port: 80, nodePort: 30_080 }],
      },
      [
        'spec.healthCheckNodePort: Invalid value: 30080: failed to allocate requested HealthCheck NodePort 30080: provided port is already allocated',
      ],
    ],
    [
      'a node port of a ClusterIP service',
      { ports: [{ port: 80, nodePort: 30_080 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    [
      'None for a NodePort service',
      { type: 'NodePort', clusterIP: 'None' },
      [
        'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
      ],
    ],
    [
      'None for a load balancer',
      { type: 'LoadBalancer', clusterIP: 'None' },
      [
        'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services',
      ],
    ],
    [
      'an address of an external name',
      { type: 'ExternalName', externalName: 'x', clusterIP: '10.96.0.9' },
      ['spec.clusterIPs: Forbidden: may not be set for ExternalName services'],
    ],
  ])('refuses %s and reserves nothing for it', (_, spec, expected) => {
    const allocator = cluster()
    const first = {
      clusterIP: '10.96.0.1',
      type: 'NodePort',
      ports: [{ port: 1, nodePort: 30_000 }],
    }
    apply(allocator, { metadata: { name: 'first' }, spec: first })
    const problems = problemsOf(() => admitService(web(spec), undefined, allocator, fresh))
    expect(problems).toEqual(expected)
    expect(inUse(allocator)).toEqual(['10.96.0.1', 30_000])
  })

  it('says which service is refused and why', () => {
    const input = { metadata: { name: 'Web' }, spec: { ports: [{ port: 80 }] } }
    expect(() => admitService(input, undefined, cluster(), fresh)).toThrow(
      /^Service "Web" is invalid: metadata\.name: Invalid value: "Web": a DNS-1035 label/,
    )
  })

  it.each<[string, ServiceSpecInput, string]>([
    [
      'addresses',
      { type: 'NodePort' },
      'failed to allocate a serviceIP: range is full: delete services or widen the range of IPv4 addresses (10.96.0.0/30)',
    ],
    [
      'node ports',
      { type: 'NodePort', clusterIP: '10.96.0.2' },
      'failed to allocate a nodePort: range is full: delete services or widen the range of node ports (30000-30000)',
    ],
  ])('says that %s have run out, and keeps nothing', (_, spec, message) => {
    const allocator = cluster(['10.96.0.0/30'], { from: 30_000, to: 30_000 })
    apply(allocator, web({ type: 'NodePort', clusterIP: '10.96.0.1' }))
    if (!('clusterIP' in spec)) apply(allocator, web({ clusterIP: '10.96.0.2' }))
    const before = inUse(allocator)
    const act = () => admitService(web(spec), undefined, allocator, fresh)
    expect(act).toThrow(expect.objectContaining({ code: 'EXHAUSTED', message }))
    expect(inUse(allocator)).toEqual(before)
  })
})

describe('admitService, changing', () => {
  it('keeps uid, creation time, addresses, node ports and status', () => {
    const allocator = cluster()
    const created = apply(allocator, web({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))
    const ingress = [{ ip: '203.0.113.9', hostname: '', ipMode: 'VIP' }]
    const old = { ...created, status: { loadBalancer: { ingress } } }
    const input = web({
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      selector: { a: 'b' },
    })
    expect(apply(allocator, input, old)).toEqual({
      ...old,
      spec: { ...old.spec, selector: { a: 'b' } },
    })
  })

  it('wipes the load balancer status with the type', () => {
    const allocator = cluster()
    const created = apply(allocator, web({ type: 'LoadBalancer' }))
    const ingress = [{ ip: '203.0.113.9', hostname: '', ipMode: 'VIP' }]
    const changed = apply(allocator, web(), { ...created, status: { loadBalancer: { ingress } } })
    expect(changed.status).toEqual({ loadBalancer: { ingress: [] } })
  })

  it('goes through ExternalName and back to another address', () => {
    const allocator = cluster()
    const first = apply(allocator, web({ type: 'NodePort', clusterIP: '10.96.0.7' }))
    const alias = apply(allocator, web({ type: 'ExternalName', externalName: 'x.y' }), first)
    expect(alias.spec).toMatchObject({ clusterIP: '', clusterIPs: [], ipFamilies: [] })
    expect(alias.spec).not.toHaveProperty('ipFamilyPolicy')
    expect(inUse(allocator)).toEqual([])
    const back = apply(allocator, web({ clusterIP: '10.96.0.8' }), alias)
    expect(back.spec.clusterIPs).toEqual(['10.96.0.8'])
  })

  it('goes from None to an address through ExternalName only', () => {
    const allocator = cluster()
    const headless = apply(allocator, web({ clusterIP: 'None' }))
    const direct = problemsOf(() => apply(allocator, web({ clusterIP: '10.96.0.8' }), headless))
    expect(direct).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
    ])
    const alias = apply(allocator, web({ type: 'ExternalName', externalName: 'x' }), headless)
    expect(apply(allocator, web({ clusterIP: '10.96.0.8' }), alias).spec.clusterIP).toBe(
      '10.96.0.8',
    )
  })

  it('adds and removes the second address', () => {
    const allocator = cluster()
    const single = apply(allocator, web())
    const dual = apply(allocator, web({ ipFamilyPolicy: 'PreferDualStack' }), single)
    expect(dual.spec.clusterIPs).toEqual([single.spec.clusterIP, expect.stringMatching(/^fd00::/)])
    const again = apply(allocator, web({ ipFamilyPolicy: 'SingleStack' }), dual)
    expect(again.spec).toEqual(single.spec)
    expect(inUse(allocator)).toEqual([single.spec.clusterIP])
  })

  it('does not hand out what the old service holds before the change is stored', () => {
    const allocator = cluster()
    const old = apply(allocator, web({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }))
    const change = admitService(web(), old, allocator, later)
    const other = {
      metadata: { name: 'other' },
      spec: { ...old.spec, clusterIP: '', clusterIPs: [] },
    }
    const admit = () => admitService(other, undefined, allocator, fresh)
    expect(problemsOf(admit)).toEqual([
      'spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    ])
    change.commit()
    expect(admit().service.spec.ports[0]?.nodePort).toBe(30_080)
  })

  it('accepts the stored service as input for another type', () => {
    const allocator = cluster()
    const old = apply(allocator, web({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))
    const input = { metadata: old.metadata, spec: { ...old.spec, type: 'ClusterIP' } }
    const { spec } = apply(allocator, input, old)
    expect(spec.clusterIP).toBe(old.spec.clusterIP)
    expect(inUse(allocator)).toEqual([spec.clusterIP])
  })

  it('does not share a node port that the protocol uses for another port', () => {
    const http = { name: 'http', port: 80, nodePort: 30_080 }
    const udp = { name: 'udp', port: 53, protocol: 'UDP', nodePort: 30_080 }
    const tcp = { name: 'tcp', port: 53 }
    const allocator = cluster()
    const old = apply(allocator, web({ type: 'NodePort', ports: [http] }))
    const both = apply(allocator, web({ type: 'NodePort', ports: [http, udp] }), old)
    const { ports } = apply(
      allocator,
      web({ type: 'NodePort', ports: [http, udp, tcp] }),
      both,
    ).spec
    expect(ports.map((port) => port.nodePort)).toEqual([30_080, 30_080, expect.any(Number)])
    expect(ports[2]?.nodePort).not.toBe(30_080)
  })

  it('refuses a change meant for another life of the service', () => {
    const allocator = cluster()
    const old = apply(allocator, web())
    const input = { ...web(), metadata: { name: 'web', uid: 'uid-0' } }
    expect(problemsOf(() => admitService(input, old, allocator, later))).toEqual([
      'metadata.uid: Invalid value: "uid-0": field is immutable',
    ])
  })

  it('counts the first of commit and rollback only', () => {
    const allocator = cluster()
    const admission = admitService(web(), undefined, allocator, fresh)
    admission.commit()
    admission.rollback()
    expect(inUse(allocator)).toEqual([admission.service.spec.clusterIP])
  })
})

const name = fc.constantFrom('a', 'b', 'c', 'd')
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const port = fc.record({
  name,
  port: fc.constantFrom(53, 80, 443),
  protocol: fc.constantFrom('TCP', 'UDP', ''),
  targetPort: optional(fc.constantFrom<string | number>(8080, '8081', 'http')),
  nodePort: fc.constantFrom(0, 0, 0, 30_000, 30_001, 30_002),
})
const ports = fc.uniqueArray(port, {
  selector: (p) => `${p.port} ${p.protocol || 'TCP'}`,
  minLength: 1,
  maxLength: 4,
})
const specs: fc.Arbitrary<ServiceSpecInput> = fc
  .record({
    type: fc.constantFrom('', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
    ports,
    selector: fc.constantFrom<Record<string, string>>({}, { app: 'web' }),
    matchExpressions: fc.constantFrom([], [{ key: 'a', operator: 'Exists' }]),
    address: fc.constantFrom('', '', '', 'None', '10.96.0.1', '10.96.0.2', 'fd00::1'),
    families: fc.constantFrom([], [], ['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']),
    ipFamilyPolicy: fc.constantFrom('', '', 'SingleStack', 'PreferDualStack', 'RequireDualStack'),
    externalTrafficPolicy: fc.constantFrom('', 'Cluster', 'Local'),
    externalIPs: fc.constantFrom<string[]>([], ['203.0.113.1']),
    sessionAffinity: fc.constantFrom('', 'None', 'ClientIP'),
    allocate: optional(fc.boolean()),
    healthCheckNodePort: fc.constantFrom(0, 0, 30_003),
  })
  // Members that do not go with the type are left out, or hardly any input would be valid.
  .map(({ address, families, allocate, ipFamilyPolicy, healthCheckNodePort, ...rest }) => {
    const { type, externalIPs, externalTrafficPolicy } = rest
    const hasNodePorts = type === 'NodePort' || type === 'LoadBalancer'
    const isAlias = type === 'ExternalName'
    const isOpen = hasNodePorts || (!isAlias && externalIPs.length > 0)
    const isChecked = type === 'LoadBalancer' && externalTrafficPolicy === 'Local'
    return {
      ...rest,
      externalName: 'example.com',
      ports: rest.ports.map((p, i) => ({
        ...p,
        name: `${p.name}${i}`,
        nodePort: hasNodePorts ? p.nodePort : 0,
      })),
      clusterIP: isAlias || (hasNodePorts && address === 'None') ? '' : address,
      ipFamilies: isAlias ? [] : families,
      ipFamilyPolicy: isAlias ? '' : families.length === 2 ? 'PreferDualStack' : ipFamilyPolicy,
      externalTrafficPolicy: isOpen ? externalTrafficPolicy : '',
      allocateLoadBalancerNodePorts: type === 'LoadBalancer' ? allocate : undefined,
      healthCheckNodePort: isChecked ? healthCheckNodePort : 0,
    }
  })

/** undefined where the input is refused, or a range is full. */
const tryAdmit = (
  input: ServiceInput,
  old: Service | undefined,
  allocator: ServiceAllocator,
): Admission | undefined => {
  try {
    return admitService(input, old, allocator, old ? later : fresh)
  } catch (error) {
    if (error instanceof RegistryError) return undefined
    throw error
  }
}

describe('admitService, for all inputs', () => {
  it('changes nothing when the same thing is applied again', () => {
    let accepted = 0
    fc.assert(
      fc.property(
        specs,
        fc.constantFrom(DUAL, DUAL.toReversed(), DUAL.slice(0, 1)),
        (spec, cidrs) => {
          const allocator = cluster(cidrs)
          const first = tryAdmit(web(spec), undefined, allocator)
          if (!first) return
          accepted++
          first.commit()
          const held = inUse(allocator)
          const again = admitService(web(spec), first.service, allocator, later)
          again.commit()
          expect(JSON.stringify(again.service)).toBe(JSON.stringify(first.service))
          expect(inUse(allocator)).toEqual(held)
          const asStored = admitService(first.service, first.service, allocator, later)
          expect(JSON.stringify(asStored.service)).toBe(JSON.stringify(first.service))
        },
      ),
      { numRuns: 1000 },
    )
    expect(accepted).toBeGreaterThan(300)
  })

  it('changes nothing when a change is applied again', () => {
    let accepted = 0
    fc.assert(
      fc.property(specs, specs, (before, spec) => {
        const allocator = cluster()
        const old = tryAdmit(web(before), undefined, allocator)
        old?.commit()
        const change = old && tryAdmit(web(spec), old.service, allocator)
        if (!change) return
        accepted++
        change.commit()
        const again = admitService(web(spec), change.service, allocator, later)
        expect(JSON.stringify(again.service)).toBe(JSON.stringify(change.service))
      }),
      { numRuns: 1500 },
    )
    expect(accepted).toBeGreaterThan(200)
  })

  it('never leaks or shares what it allocates, whatever the order of changes', () => {
    const step = fc.record({
      name,
      spec: optional(specs),
      fate: fc.constantFrom<Fate>('store', 'store', 'drop', 'later'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const registry = new SmallRegistry()
        for (const { name, spec, fate } of steps) {
          if (spec) registry.change({ metadata: { name }, spec }, fate)
          else registry.delete(name)
        }
        registry.dropPending()
        const held = [...registry.live.values()].flatMap(heldBy)
        expect(new Set(held).size).toBe(held.length)
        expect(inUse(registry.allocator)).toEqual(held.sort())
      }),
      { numRuns: 500 },
    )
  })
})

/** What becomes of an admitted change; `later`: another of the same service may come first. */
type Fate = 'store' | 'drop' | 'later'

/** Services by name over ranges so small that they run out. */
class SmallRegistry {
  readonly live = new Map<string, Service>()
  readonly allocator = cluster(['10.96.0.0/29', 'fd00::/125'], { from: 30_000, to: 30_007 })
  readonly #pending: { readonly name: string; readonly admission: Admission }[] = []

  change(input: ServiceInput, fate: Fate): void {
    const { name } = input.metadata
    const admission = tryAdmit(input, this.live.get(name), this.allocator)
    if (fate === 'drop') admission?.rollback()
    else if (admission) this.#pending.push({ name, admission })
    if (fate !== 'store') return
    // The change that has waited longest is stored; the others of its service meet a conflict.
    const first = this.#pending.find((p) => p.name === name)
    if (!first) return
    first.admission.commit()
    this.live.set(name, first.admission.service)
    this.#dropPendingOf(name)
  }

  delete(name: string): void {
    const service = this.live.get(name)
    if (service) this.allocator.release(service)
    this.live.delete(name)
    this.#dropPendingOf(name)
  }

  dropPending(): void {
    for (const { admission } of this.#pending.splice(0)) admission.rollback()
  }

  #dropPendingOf(name: string): void {
    // The stored one is among them: its rollback comes second and does nothing.
    for (const p of this.#pending) if (p.name === name) p.admission.rollback()
    const others = this.#pending.filter((p) => p.name !== name)
    this.#pending.splice(0, this.#pending.length, ...others)
  }
}
