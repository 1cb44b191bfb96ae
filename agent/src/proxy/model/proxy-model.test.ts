import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { differenceOf } from './difference.ts'
import type { Frontend } from './frontend.ts'
import { ProxyModel } from './proxy-model.ts'

const here = { node: 'n1', zone: 'z1' }
const nodes = fc.constantFrom('n1', 'n2')

const endpoints = fc.uniqueArray(
  fc
    .record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      ready: fc.boolean(),
      serving: fc.boolean(),
      terminating: fc.boolean(),
      nodeName: nodes,
      zone: fc.constantFrom('z1', 'z2', ''),
      weight: fc.constantFrom(0, 1, 100),
    })
    .map(({ id, ...own }) => endpoint(id, 9000, own)),
  { selector: ({ id }) => id, maxLength: 4 },
)

const policy = fc.constantFrom('Cluster', 'Local')

/** Few addresses, so that services meet at them. */
const service = fc
  .record({
    name: fc.constantFrom('a/one', 'a/two', 'b/one'),
    type: fc.constantFrom('ClusterIP', 'LoadBalancer', 'ExternalName'),
    clusterIp: fc.constantFrom('127.96.0.1', '127.96.0.2', 'None'),
    externalIps: fc.subarray(['203.0.113.1', '203.0.113.2']),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    trafficDistribution: fc.constantFrom('', 'PreferSameNode', 'PreferSameZone'),
    port: fc.constantFrom(80, 81),
    endpoints,
  })
  .map(({ name, port, endpoints: some, ...spec }) =>
    serviceSet({ ...spec, ports: [{ port, nodePort: 30_000 + port }] }, some, { name }),
  )

const step = fc.oneof(
  { weight: 4, arbitrary: service.map((set) => ({ changed: [set], removed: [] })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('a/one', 'a/two').map((name) => ({ changed: [], removed: [name] })),
  },
)
const steps = fc.array(step, { maxLength: 12 })

const sorted = (frontends: ReadonlyMap<string, Frontend>) =>
  [...frontends].sort(([a], [b]) => (a < b ? -1 : 1))

describe('the proxy model', () => {
  it('is after any changes what it would be if it were made anew', () => {
    fc.assert(
      fc.property(steps, (changes) => {
        const model = new ProxyModel(here)
        const sets = new Map<string, ReturnType<typeof serviceSet>>()
        for (const change of changes) {
          model.apply(change)
          for (const set of change.changed) sets.set(`${set.namespace}/${set.service}`, set)
          for (const name of change.removed) sets.delete(name)
        }
        const anew = new ProxyModel(here)
        anew.apply({ changed: [...sets.values()], removed: [] })
        expect(sorted(model.frontends)).toEqual(sorted(anew.frontends))
      }),
    )
  })

  it('has changes that lead from one state to the next', () => {
    fc.assert(
      fc.property(steps, (changes) => {
        const model = new ProxyModel(here)
        const follower = new Map<string, Frontend>()
        for (const change of changes) {
          model.apply(change)
          const { added, changed, removed } = differenceOf(follower, model.frontends)
          for (const frontend of added) expect(follower.has(frontend.key)).toBe(false)
          for (const frontend of changed) expect(follower.get(frontend.key)).not.toEqual(frontend)
          for (const key of removed) expect(follower.delete(key)).toBe(true)
          for (const frontend of [...added, ...changed]) follower.set(frontend.key, frontend)
        }
        expect(sorted(follower)).toEqual(sorted(model.frontends))
      }),
    )
  })

  it('sends traffic to an endpoint only if it may get some', () => {
    fc.assert(
      fc.property(service, (set) => {
        const model = new ProxyModel(here)
        model.apply({ changed: [set], removed: [] })
        const byId = new Map(set.endpoints.map((one) => [one.id, one]))
        const hasReady = set.endpoints.some(({ ready }) => ready)
        for (const { backends, whyEmpty, insideBackends } of model.frontends.values()) {
          expect(backends.length === 0).toBe(whyEmpty !== undefined)
          for (const { endpointId } of [...backends, ...(insideBackends ?? [])]) {
            const chosen = byId.get(endpointId)
            expect(chosen?.ready || (chosen?.serving && chosen.terminating)).toBe(true)
          }
          const isLocalOnly = backends.every(
            ({ endpointId }) => byId.get(endpointId)?.nodeName === 'n1',
          )
          const hasNotReady = backends.some(({ endpointId }) => !byId.get(endpointId)?.ready)
          expect(hasNotReady && hasReady && !isLocalOnly).toBe(false)
        }
      }),
    )
  })

  it('gives an address two services want to the first of them, and then to the other', () => {
    const model = new ProxyModel(here)
    const claim = (name: string) => serviceSet({}, [endpoint(name, 1)], { name })
    const owner = () => model.frontends.get('TCP/127.96.0.10:8080')?.namespace
    model.apply({ changed: [claim('b/web'), claim('a/web')], removed: [] })
    expect(owner()).toBe('a')
    model.apply({ changed: [], removed: ['a/web'] })
    expect(owner()).toBe('b')
  })

  it('keeps a frontend the same object when a change leaves it as it was', () => {
    const model = new ProxyModel(here)
    const set = serviceSet({}, [endpoint('a', 1)])
    model.apply({ changed: [set], removed: [] })
    const before = model.frontends.get('TCP/127.96.0.10:8080')
    model.apply({ changed: [{ ...set, revision: 2 }], removed: [] })
    expect(model.frontends.get('TCP/127.96.0.10:8080')).toBe(before)
  })
})
