import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byId, hashOf, World, worldChange } from '../../../test/support/world.ts'
import { View } from './view.ts'

describe('View', () => {
  it('derives, change by change, what the pure function derives from everything', () => {
    fc.assert(
      fc.property(fc.array(worldChange, { maxLength: 300, size: 'max' }), (changes) => {
        const world = new World()
        const view = new View()
        for (const change of changes) {
          view.apply(world.change(change))
          for (const [key, wanted] of world.endpoints()) {
            const [namespace = '', name = ''] = key.split('/')
            const set = view.set(namespace, name)
            expect(byId(set.endpoints())).toEqual(byId(wanted))
            expect(set.hash).toBe(hashOf(wanted))
            expect(set.size).toBe(wanted.length)
            expect(set.emptyReason === undefined).toBe(wanted.length > 0)
          }
          expect(view.services.size).toBe(world.endpoints().size)
        }
      }),
      { numRuns: 25 },
    )
  })

  it('lets go of a pod that changes its labels and its lease at once', () => {
    const view = new View()
    const world = new World()
    const pod = (app: string, leaseId: string) => ({
      key: 'pods/a/p',
      value: JSON.stringify({
        metadata: { namespace: 'a', name: 'p', uid: 'u', labels: { app } },
        spec: { ports: [] },
        status: { podIPs: ['10.0.0.1'], phase: 'Running', ready: true, leaseId },
      }),
      isExpiry: false,
    })
    view.apply(world.change(pod('x', 'l1')))
    view.apply(world.change(pod('y', 'l2')))
    expect(view.podsOfLease('l1').size).toBe(0)
    expect(view.podsOfLease('l2').size).toBe(1)
  })

  it('comes to the same sets when it is loaded as when it has followed', () => {
    fc.assert(
      fc.property(fc.array(worldChange, { maxLength: 60 }), (changes) => {
        const world = new World()
        for (const change of changes) world.change(change)
        const view = new View()
        view.load(world.entries.values(), world.revision)
        for (const [key, wanted] of world.endpoints()) {
          const [namespace = '', name = ''] = key.split('/')
          expect(byId(view.set(namespace, name).endpoints())).toEqual(byId(wanted))
          expect(view.set(namespace, name).lastChanged).toBe(world.revision)
        }
      }),
    )
  })

  it('names the sets a batch changed, and no others', () => {
    fc.assert(
      fc.property(fc.array(worldChange, { minLength: 1, maxLength: 40 }), (changes) => {
        const world = new World()
        const view = new View()
        let named = new Set<string>()
        view.onChange(({ sets }) => {
          named = new Set([...sets.keys()].map((set) => `${set.namespace}/${set.name}`))
        })
        for (const change of changes) {
          const before = world.endpoints()
          named = new Set()
          view.apply(world.change(change))
          for (const [key, endpoints] of world.endpoints()) {
            const was = before.get(key)
            if (was === undefined) expect(named).toContain(key)
            else if (hashOf(was) !== hashOf(endpoints)) expect(named).toContain(key)
            else if (!change.key.startsWith('services/')) expect(named).not.toContain(key)
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  it('answers a caller as soon as it has come to the revision', async () => {
    const view = new View()
    const world = new World()
    const waited = view.reached(2)
    view.apply(world.change({ key: 'disconnected/l1', value: '{}', isExpiry: false }))
    view.apply(world.change({ key: 'disconnected/l1', value: null, isExpiry: false }))
    await waited
    expect(view.revision).toBe(2)
  })

  it.each([
    ['put then deregistered', false, 'SCALED_TO_ZERO'],
    ['put then lost', true, 'LEASES_EXPIRED'],
  ])('says why a set is empty: %s', (_, isExpiry, reason) => {
    const view = new View()
    const world = new World()
    const service = {
      metadata: { namespace: 'a', name: 's' },
      spec: {
        type: 'ClusterIP',
        ports: [],
        selector: { app: 'x' },
        matchExpressions: [],
        ipFamilies: ['IPv4'],
      },
    }
    const pod = {
      metadata: { namespace: 'a', name: 'p', uid: 'u', labels: { app: 'x' } },
      spec: { ports: [] },
      status: { podIPs: ['10.0.0.1'], phase: 'Running', ready: true, leaseId: '' },
    }
    expect(view.set('a', 's').emptyReason).toBe('NO_SUCH_SERVICE')
    const put = (key: string, object: unknown) =>
      view.apply(world.change({ key, value: JSON.stringify(object), isExpiry: false }))
    put('services/a/s', service)
    expect(view.set('a', 's').emptyReason).toBe('NO_SELECTOR_MATCH')
    put('pods/a/p', pod)
    expect(view.set('a', 's').emptyReason).toBeUndefined()
    view.apply(world.change({ key: 'pods/a/p', value: null, isExpiry }))
    expect(view.set('a', 's').emptyReason).toBe(reason)
  })
})
