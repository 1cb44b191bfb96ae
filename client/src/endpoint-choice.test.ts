import type { Service__Output } from '@roster/proto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseEndpoints, usableEndpoints, whyUnusable } from './endpoint-choice.ts'
import type { Endpoint, EndpointSet } from './endpoint-set.ts'

const endpointOf = (id: string, own: Partial<Endpoint> = {}): Endpoint => ({
  id,
  pod: id,
  addresses: ['10.0.0.1'],
  ports: [],
  hostname: '',
  nodeName: '',
  zone: '',
  ready: true,
  serving: true,
  terminating: false,
  weight: 100,
  notIdempotentMethods: [],
  hash: 1,
  ...own,
})
type Spec = Partial<NonNullable<Service__Output['spec']>>
const setOf = (endpoints: readonly Endpoint[], spec: Spec = {}): EndpointSet => ({
  namespace: 'shop',
  service: 'web',
  revision: 1,
  definition: { metadata: null, spec, status: null } as Service__Output,
  endpoints,
  emptyReason: 'EMPTY_REASON_SCALED_TO_ZERO',
  hash: 0,
})
const ids = (endpoints: readonly Endpoint[]) => endpoints.map((endpoint) => endpoint.id)
const here = { node: 'n1', zone: 'z1' }
const notReady = { ready: false, serving: false }
const leaving = { ready: false, serving: true, terminating: true }
const local: Spec = { internalTrafficPolicy: 'Local' }

/** Endpoints that do not say where they are, or that all do; few and close together. */
const location = (name: string) => fc.constantFrom(`${name}1`, `${name}2`, `${name}3`)
const anyEndpoint = fc
  .record({
    condition: fc.constantFrom({}, {}, notReady, leaving),
    nodeName: fc.oneof({ weight: 9, arbitrary: location('n') }, fc.constant('')),
    zone: fc.oneof({ weight: 9, arbitrary: location('z') }, fc.constant('')),
    weight: fc.constantFrom(100, 100, 100, 50, 0),
  })
  .map(({ condition, ...own }) => ({ ...condition, ...own }))
const anySet = fc.record({
  endpoints: fc
    .array(anyEndpoint, { maxLength: 12 })
    .map((all) => all.map((own, i) => endpointOf(`e${i}`, own))),
  spec: fc.record({
    internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
    trafficDistribution: fc.constantFrom('PreferClose', 'PreferSameZone', 'PreferSameNode'),
  }),
})

describe('the endpoints for a call', () => {
  it('are some whenever any can serve, and none that cannot', () => {
    fc.assert(
      fc.property(anySet, ({ endpoints, spec }) => {
        const isLocal = spec.internalTrafficPolicy === 'Local'
        const reachable = isLocal
          ? endpoints.filter(({ nodeName }) => nodeName === 'n1')
          : endpoints
        const anyReady = reachable.some(({ ready }) => ready)
        const canServe = reachable.filter(({ ready, serving, terminating }) =>
          anyReady ? ready : serving && terminating,
        )
        const choice = chooseEndpoints(setOf(endpoints, spec), here)
        expect(canServe).toEqual(expect.arrayContaining([...choice.endpoints]))
        expect(choice.endpoints.length > 0).toBe(canServe.length > 0)
        expect(choice.reason === undefined).toBe(canServe.length > 0)
      }),
    )
  })

  it('have weight 0 only when all that could be chosen have', () => {
    fc.assert(
      fc.property(anySet, ({ endpoints, spec }) => {
        const { endpoints: chosen } = chooseEndpoints(setOf(endpoints, spec), here)
        const [withNone, withSome] = [
          chosen.filter(({ weight }) => weight === 0),
          chosen.filter(({ weight }) => weight > 0),
        ]
        expect(Math.min(withNone.length, withSome.length)).toBe(0)
      }),
    )
  })

  it('do not depend on the order of the set', () => {
    fc.assert(
      fc.property(anySet, ({ endpoints, spec }) => {
        const choose = (list: readonly Endpoint[]) =>
          ids(chooseEndpoints(setOf(list, spec), here).endpoints).sort()
        expect(choose(endpoints.toReversed())).toEqual(choose(endpoints))
      }),
    )
  })

  it('never get more than 1.2 times the average load from zones that keep to themselves', () => {
    fc.assert(
      fc.property(fc.array(location('z'), { minLength: 1, maxLength: 30 }), (zones) => {
        const set = setOf(
          zones.map((zone, i) => endpointOf(`e${i}`, { zone })),
          { trafficDistribution: 'PreferSameZone' },
        )
        const distinct = new Set(zones)
        const average = 1 / zones.length
        for (const zone of distinct) {
          const { endpoints: chosen } = chooseEndpoints(set, { zone })
          if (chosen.length === zones.length) continue
          expect(1 / distinct.size / chosen.length).toBeLessThanOrEqual(1.2 * average + 1e-9)
        }
      }),
    )
  })
})

describe('usable endpoints', () => {
  it('are the ready ones', () => {
    const set = setOf([
      endpointOf('ready'),
      endpointOf('not', notReady),
      endpointOf('leaving', leaving),
    ])
    expect(ids(usableEndpoints(set))).toEqual(['ready'])
  })

  it('are those that still serve while they terminate, when none is ready', () => {
    const set = setOf([endpointOf('not', notReady), endpointOf('leaving', leaving)])
    expect(ids(usableEndpoints(set))).toEqual(['leaving'])
  })

  it('leave out weight 0 while others have some', () => {
    const set = setOf([endpointOf('none', { weight: 0 }), endpointOf('some')])
    expect(ids(usableEndpoints(set))).toEqual(['some'])
  })

  it('are all of them when all have weight 0', () => {
    const set = setOf([endpointOf('a', { weight: 0 }), endpointOf('b', { weight: 0 })])
    expect(ids(usableEndpoints(set))).toEqual(['a', 'b'])
  })
})

describe('internalTrafficPolicy Local', () => {
  const onNode = (id: string, nodeName: string, own = {}) => endpointOf(id, { nodeName, ...own })

  it('leaves the ready endpoints of the own node', () => {
    const set = setOf([onNode('a', 'n1'), onNode('b', 'n2')], local)
    expect(ids(chooseEndpoints(set, here).endpoints)).toEqual(['a'])
  })

  it('falls back to those of the node that terminate, even when others are ready elsewhere', () => {
    const set = setOf([onNode('a', 'n1', leaving), onNode('b', 'n2')], local)
    expect(ids(chooseEndpoints(set, here).endpoints)).toEqual(['a'])
  })

  it('leaves none when the node has none, and names policy and node', () => {
    const set = setOf([onNode('b', 'n2')], local)
    expect(chooseEndpoints(set, here)).toEqual({
      endpoints: [],
      reason:
        'service shop/web has internalTrafficPolicy Local, and none of its 1 endpoints on node n1 is ready',
    })
  })

  it('leaves none for a client that does not know its node, and says what to do', () => {
    const set = setOf([onNode('b', 'n2')], local)
    expect(chooseEndpoints(set, {}).reason).toMatch(/pass node to connectRoster$/)
  })
})

describe('trafficDistribution', () => {
  const at = (id: string, zone: string, nodeName = 'other') => endpointOf(id, { zone, nodeName })
  const chosen = (endpoints: readonly Endpoint[], trafficDistribution: string, place = here) =>
    ids(chooseEndpoints(setOf(endpoints, { trafficDistribution }), place).endpoints)

  it.each(['PreferClose', 'PreferSameZone'])('%s leaves the endpoints of the own zone', (name) => {
    expect(
      chosen([at('a', 'z1', 'n1'), at('b', 'z1'), at('c', 'z2'), at('d', 'z2')], name),
    ).toEqual(['a', 'b'])
  })

  it('PreferSameNode leaves the endpoints of the own node', () => {
    expect(chosen([at('a', 'z1', 'n1'), at('b', 'z1', 'n2')], 'PreferSameNode')).toEqual(['a'])
  })

  it('PreferSameNode leaves those of the zone when the node has none', () => {
    expect(chosen([at('a', 'z1', 'n3'), at('b', 'z2', 'n2')], 'PreferSameNode')).toEqual(['a'])
  })

  it('is ignored when no ready endpoint is in the zone', () => {
    const gone = { ...at('a', 'z1'), ...notReady }
    expect(chosen([gone, at('b', 'z2'), at('c', 'z3')], 'PreferClose')).toEqual(['b', 'c'])
  })

  it('is ignored when one endpoint does not say where it is', () => {
    expect(chosen([at('a', 'z1'), at('b', '')], 'PreferClose')).toEqual(['a', 'b'])
  })

  it('is ignored for a client that does not know its zone', () => {
    const endpoints = [at('a', 'z1'), at('b', 'z2')]
    const set = setOf(endpoints, { trafficDistribution: 'PreferClose' })
    expect(ids(chooseEndpoints(set, {}).endpoints)).toEqual(['a', 'b'])
  })

  it('is ignored when the zone has too few endpoints for its share of the calls', () => {
    // Half of the calls on a quarter of the endpoints.
    const endpoints = [at('a', 'z1'), at('b', 'z2'), at('c', 'z2'), at('d', 'z2')]
    expect(chosen(endpoints, 'PreferClose')).toEqual(['a', 'b', 'c', 'd'])
    expect(chosen(endpoints, 'PreferClose', { node: '', zone: 'z2' })).toEqual(['b', 'c', 'd'])
  })

  it('counts what endpoints can carry by their weights', () => {
    const strong = { ...at('a', 'z1'), weight: 300 }
    expect(chosen([strong, at('b', 'z2'), at('c', 'z2'), at('d', 'z2')], 'PreferClose')).toEqual([
      'a',
    ])
  })
})

describe('why a set is of no use', () => {
  it.each([
    ['SCALED_TO_ZERO', 'service shop/web has no endpoints: scaled to zero'],
    ['NO_SUCH_SERVICE', 'service shop/web does not exist: apply it first, or check the namespace'],
    [
      'NO_SELECTOR_MATCH',
      'service shop/web has no endpoints: no pod has the labels its selector asks for',
    ],
    ['OF_THE_FUTURE', 'service shop/web has no endpoints: no reason given'],
  ])('%s reads: %s', (reason, text) => {
    const emptyReason = `EMPTY_REASON_${reason}` as 'EMPTY_REASON_SCALED_TO_ZERO'
    expect(whyUnusable({ ...setOf([]), emptyReason })).toBe(text)
  })

  it('is that none is ready, when there are some', () => {
    const set = setOf([endpointOf('a', notReady)])
    expect(whyUnusable(set)).toBe('service shop/web has no ready endpoints: 1 not ready')
  })
})
