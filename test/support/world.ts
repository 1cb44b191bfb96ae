import fc from 'fast-check'
import type { EndpointSlice } from '../../server/src/model/endpoint-slice.ts'
import type { Endpoint } from '../../server/src/model/endpoints.ts'
import { endpointsOf } from '../../server/src/model/endpoints.ts'
import type { Disconnected, Pod, PodOverride } from '../../server/src/model/pod.ts'
import type { Probed } from '../../server/src/model/probed.ts'
import { matchesAll, selectorOf } from '../../server/src/model/selector.ts'
import { hasSelector, SERVICE_NAME_LABEL, type Service } from '../../server/src/model/service.ts'
import type { Batch, Entry } from '../../server/src/store/store.ts'

/** One change of a small world in which everything meets everything. */
export interface WorldChange {
  readonly key: string
  readonly value: string | null
  readonly isExpiry: boolean
}

const NOW = '2026-01-02T03:04:05.000Z'
const namespace = fc.constantFrom('a', 'b')
const label = fc.record({ app: fc.constantFrom('x', 'y'), tier: fc.constantFrom('1', '2', '3') })
const flag = fc.boolean()

const meta = (ns: string, name: string, labels: Record<string, string>, uid = 'u') => ({
  namespace: ns,
  name,
  uid,
  labels,
  annotations: {},
  creationTimestamp: NOW,
})

/** Probes that differ in one number only. */
const probe = fc.constantFrom(1, 2).map((periodSeconds) => ({
  grpc: { port: 8080, service: '' },
  initialDelaySeconds: 0,
  timeoutSeconds: 1,
  periodSeconds,
  successThreshold: 1,
  failureThreshold: 3,
}))

const service = fc
  .record({
    ns: namespace,
    name: fc.constantFrom('s1', 's2', 's3'),
    selector: fc.option(label.map(({ app, tier }) => (tier === '1' ? { app } : { app, tier }))),
    inTiers: fc.option(fc.subarray(['1', '2', '3'], { minLength: 1 })),
    notApp: fc.boolean(),
    target: fc.constantFrom<number | string>(80, 'http', 'admin'),
    families: fc.constantFrom(['IPv4'], ['IPv6'], ['IPv4', 'IPv6']),
    publish: flag,
    isExternal: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
  })
  .map((s) => {
    const expressions = [
      ...(s.inTiers === null ? [] : [{ key: 'tier', operator: 'In', values: s.inTiers }]),
      ...(s.notApp ? [{ key: 'app', operator: 'NotIn', values: ['y'] }] : []),
    ]
    const object = {
      metadata: meta(s.ns, s.name, {}),
      spec: {
        type: s.isExternal ? 'ExternalName' : 'ClusterIP',
        ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: s.target, nodePort: 0 }],
        selector: s.selector ?? {},
        matchExpressions: expressions,
        clusterIP: 'None',
        clusterIPs: ['None'],
        ipFamilies: s.families,
        externalName: s.isExternal ? 'example.org' : '',
        externalIPs: [],
        sessionAffinity: 'None',
        healthCheckNodePort: 0,
        publishNotReadyAddresses: s.publish,
        loadBalancerSourceRanges: [],
        loadBalancerIP: '',
      },
      status: { loadBalancer: { ingress: [] } },
    } as unknown as Service
    return { key: `services/${s.ns}/${s.name}`, object }
  })

const pod = fc
  .record({
    ns: namespace,
    name: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5'),
    uid: fc.constantFrom('u1', 'u2'),
    labels: label,
    ips: fc.subarray(['10.0.0.1', 'fd00::1']),
    ready: flag,
    terminating: flag,
    phase: fc.constantFrom('Running', 'Running', 'Failed'),
    lease: fc.constantFrom('', 'l1', 'l2'),
    weight: fc.constantFrom(100, 50),
    hostname: fc.constantFrom('', 'h'),
    hasAdmin: flag,
    probe: fc.option(probe),
  })
  .map((p) => {
    const object: Pod = {
      metadata: meta(p.ns, p.name, p.labels, p.uid),
      spec: {
        ports: [
          { name: 'http', containerPort: 8080, protocol: 'TCP' },
          ...(p.hasAdmin ? [{ name: 'admin', containerPort: 9090, protocol: 'TCP' as const }] : []),
        ],
        nodeName: 'n1',
        zone: 'z1',
        hostname: p.hostname,
        subdomain: 's1',
        weight: p.weight,
        ...(p.probe !== null && { readinessProbe: p.probe }),
      },
      status: {
        podIPs: p.ips,
        phase: p.phase as Pod['status']['phase'],
        ready: p.ready,
        terminating: p.terminating,
        leaseId: p.lease,
        lastTransitionTime: NOW,
      },
    }
    return { key: `pods/${p.ns}/${p.name}`, object }
  })

const slice = fc
  .record({
    ns: namespace,
    name: fc.constantFrom('e1', 'e2'),
    service: fc.constantFrom('s1', 's2', 's3'),
    addresses: fc.uniqueArray(fc.constantFrom('10.1.0.1', '10.1.0.2', '10.1.0.3')),
    ready: flag,
  })
  .map((s) => {
    const object: EndpointSlice = {
      metadata: meta(s.ns, s.name, { [SERVICE_NAME_LABEL]: s.service }),
      addressType: 'IPv4',
      endpoints: s.addresses.map((address) => ({
        addresses: [address],
        conditions: { ready: s.ready, serving: s.ready, terminating: false },
        hostname: '',
        nodeName: '',
        zone: '',
      })),
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    }
    return { key: `endpointslices/${s.ns}/${s.name}`, object }
  })

const override = fc
  .record({
    ns: namespace,
    name: fc.constantFrom('p1', 'p2', 'p3'),
    maintenance: flag,
    weight: fc.constantFrom(7, 0),
  })
  .map(({ ns, name, ...object }) => ({ key: `overrides/${ns}/${name}`, object }))

const disconnected = fc
  .constantFrom('l1', 'l2')
  .map((lease) => ({ key: `disconnected/${lease}`, object: { since: NOW } }))

const probed = fc
  .record({
    ns: namespace,
    name: fc.constantFrom('p1', 'p2', 'p3'),
    uid: fc.constantFrom('u1', 'u2'),
    probe,
    status: fc.constantFrom('True' as const, 'False' as const),
  })
  .map(({ ns, name, uid, probe, status }) => {
    const condition = { type: 'Probed' as const, status, reason: '', message: '' }
    const object: Probed = { uid, probe, condition: { ...condition, lastTransitionTime: NOW } }
    return { key: `probed/${ns}/${name}`, object }
  })

/** A random change: mostly pods, as in life. */
export const worldChange: fc.Arbitrary<WorldChange> = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: pod },
      { weight: 3, arbitrary: service },
      { weight: 2, arbitrary: slice },
      { weight: 1, arbitrary: override },
      { weight: 1, arbitrary: disconnected },
      { weight: 3, arbitrary: probed },
    ),
    fc.constantFrom('put', 'put', 'put', 'delete', 'expire'),
  )
  .map(([{ key, object }, how]) => ({
    key,
    value: how === 'put' ? JSON.stringify(object) : null,
    isExpiry: how === 'expire',
  }))

/** The world after changes, kept in the plainest way. */
export class World {
  readonly entries = new Map<string, Entry>()
  revision = 0

  change({ key, value, isExpiry }: WorldChange): Batch {
    this.revision++
    if (value === null) this.entries.delete(key)
    else this.entries.set(key, { key, value, revision: this.revision })
    return {
      revision: this.revision,
      timeMs: 1_700_000_000_000 + this.revision,
      cause: { actor: 'test', reason: isExpiry ? 'lease expired' : 'test' },
      changes: [{ key, value }],
    }
  }

  /** The endpoints of every service, by the pure function and a walk over everything. */
  endpoints(): Map<string, readonly Endpoint[]> {
    const all = <T>(kind: string) =>
      [...this.entries.values()]
        .filter(({ key }) => key.startsWith(`${kind}/`))
        .map(({ key, value }) => ({
          key: key.slice(kind.length + 1),
          object: JSON.parse(value) as T,
        }))
    const overrides = new Map(all<PodOverride>('overrides').map((o) => [o.key, o.object]))
    const probed = new Map(all<Probed>('probed').map((p) => [p.key, p.object]))
    const lost = new Set(all<Disconnected>('disconnected').map((d) => d.key))
    const result = new Map<string, readonly Endpoint[]>()
    for (const { key, object } of all<Service>('services')) {
      const { namespace, name } = object.metadata
      const requirements = selectorOf(object.spec)
      const pods = all<Pod>('pods')
        .filter(
          (p) =>
            hasSelector(object.spec) &&
            p.object.metadata.namespace === namespace &&
            matchesAll(requirements, p.object.metadata.labels),
        )
        .map((p) => ({
          pod: p.object,
          override: overrides.get(p.key),
          disconnected: lost.has(p.object.status.leaseId),
          probed: probed.get(p.key),
        }))
      const slices = all<EndpointSlice>('endpointslices')
        .map((s) => s.object)
        .filter(
          (s) =>
            s.metadata.namespace === namespace && s.metadata.labels[SERVICE_NAME_LABEL] === name,
        )
      result.set(key, endpointsOf(object, pods, slices))
    }
    return result
  }
}

export const byId = (endpoints: Iterable<Endpoint>): Endpoint[] =>
  [...endpoints].sort((a, b) => (a.id < b.id ? -1 : 1))

export const hashOf = (endpoints: Iterable<Endpoint>): number => {
  let sum = 0
  for (const { hash } of endpoints) sum = (sum + hash) >>> 0
  return sum
}
