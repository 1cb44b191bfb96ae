import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { encoder, StrictClient } from '../../../test/support/strict-client.ts'
import { hashOf, World, worldChange } from '../../../test/support/world.ts'
import { View } from './view.ts'
import { WatchHub } from './watch-hub.ts'
import type { Watcher } from './watcher.ts'

/** A hub whose clock stands: to it, sending costs nothing. */
const open = (view: View, bookmarkMs = 3_600_000) =>
  new WatchHub(view, { encoder, storeId: 'store', bookmarkMs, now: () => 0 })

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** Waits until nothing the hub may still owe is on its way: a storm holds back 50 ms at most. */
const settled = async () => {
  for (let i = 0; i < 3; i++) await nextTurn()
  await new Promise((resolve) => setTimeout(resolve, 60))
  await nextTurn()
}

function expectInSync(client: StrictClient, world: World, namespaces: readonly string[]) {
  for (const [key, endpoints] of world.endpoints()) {
    if (!namespaces.some((ns) => key.startsWith(`${ns}/`))) continue
    expect(hashOf(client.sets.get(key)?.values() ?? [])).toBe(hashOf(endpoints))
  }
}

describe('WatchHub', () => {
  it('leaves no gap and sends nothing twice under 10,000 random changes', async () => {
    vi.useFakeTimers()
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const changes = fc.sample(worldChange, 10_000)
    const world = new World()
    const view = new View()
    const hub = new WatchHub(view, { encoder, storeId: 'store' })
    const subscriptions = [
      { namespace: 'a', service: 's1' },
      { namespace: 'a', service: '' },
      { namespace: '', service: '' },
    ]
    const clients = subscriptions.map((subscription) => {
      const client = new StrictClient()
      const watcher = hub.open(client, 'test')
      hub.subscribe(watcher, subscription)
      return { client, watcher, subscription }
    })
    const slow = new StrictClient()
    const slowWatcher = hub.open(slow, 'slow')
    hub.subscribe(slowWatcher, { namespace: '', service: '' })
    for (const [i, change] of changes.entries()) {
      view.apply(world.change(change))
      if (i % 7 === 0) await vi.advanceTimersByTimeAsync(3)
      if (i % 100 === 0) slow.isReading = false
      if (i % 100 === 60) {
        slow.isReading = true
        hub.drained(slowWatcher)
      }
    }
    slow.isReading = true
    hub.drained(slowWatcher)
    // As long as a storm holds back at most.
    await vi.advanceTimersByTimeAsync(50)
    expectInSync(clients[1]!.client, world, ['a'])
    expectInSync(clients[2]!.client, world, ['a', 'b'])
    expectInSync(slow, world, ['a', 'b'])
    expect(hashOf(clients[0]!.client.sets.get('a/s1')?.values() ?? [])).toBe(
      hashOf(world.endpoints().get('a/s1') ?? []),
    )
    expect(slow.received).toBeLessThan(clients[2]!.client.received)
    hub.stop()
  })

  it('brings a client that resumes to the newest state, whatever it missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(worldChange, { minLength: 1, maxLength: 30 }),
        fc.array(worldChange, { maxLength: 30 }),
        async (before, after) => {
          const world = new World()
          const view = new View()
          const hub = open(view)
          const client = new StrictClient()
          const first = hub.open(client, 'test')
          hub.subscribe(first, { namespace: 'a', service: 's1' })
          for (const change of before) view.apply(world.change(change))
          await nextTurn()
          hub.close(first)
          for (const change of after) view.apply(world.change(change))
          const resume = { storeId: 'store', revision: client.revisions.get('a/s1') ?? 0 }
          const second = hub.open(client, 'test')
          hub.subscribe(second, { namespace: 'a', service: 's1', resume })
          expect(hashOf(client.sets.get('a/s1')?.values() ?? [])).toBe(
            hashOf(world.endpoints().get('a/s1') ?? []),
          )
          hub.stop()
        },
      ),
    )
  })

  const service = (ns: string, name: string, app: string) => ({
    key: `services/${ns}/${name}`,
    value: JSON.stringify({
      metadata: { namespace: ns, name },
      spec: {
        type: 'ClusterIP',
        ports: [],
        selector: { app },
        matchExpressions: [],
        ipFamilies: ['IPv4'],
      },
    }),
    isExpiry: false,
  })
  const pod = (ns: string, name: string, app: string, ready: boolean, weight = 100) => ({
    key: `pods/${ns}/${name}`,
    value: JSON.stringify({
      metadata: { namespace: ns, name, uid: 'u', labels: { app } },
      spec: { ports: [], weight },
      status: { podIPs: ['10.0.0.1'], phase: 'Running', ready, leaseId: '' },
    }),
    isExpiry: false,
  })

  const start = () => {
    const world = new World()
    const view = new View()
    const hub = open(view)
    const client = new StrictClient()
    const watcher: Watcher = hub.open(client, 'test')
    const apply = (change: Parameters<World['change']>[0]) => view.apply(world.change(change))
    return { world, view, hub, client, watcher, apply }
  }

  it('sends nothing to a client that is up to date but a bookmark', async () => {
    const { hub, client, watcher, apply, view } = start()
    apply(service('a', 's1', 'x'))
    apply(pod('a', 'p1', 'x', true))
    const known = [...view.set('a', 's1').endpoints()].map((e) => [e.id, e] as const)
    client.sets.set('a/s1', new Map(known))
    const resume = { storeId: 'store', revision: view.revision }
    hub.subscribe(watcher, { namespace: 'a', service: 's1', resume })
    await nextTurn()
    expect(client.bookmarks.length).toBe(1)
    expect(client.received).toBe(1)
    hub.stop()
  })

  it.each([
    ['another history', { storeId: 'other', revision: 2 }],
    ['a revision that a restored backup has undone', { storeId: 'store', revision: 99 }],
  ])('sends everything to a client that resumes from %s', (_, resume) => {
    const { hub, client, watcher, apply } = start()
    apply(service('a', 's1', 'x'))
    apply(pod('a', 'p1', 'x', true))
    hub.subscribe(watcher, { namespace: 'a', service: 's1', resume })
    expect(client.sets.get('a/s1')?.size).toBe(1)
    hub.stop()
  })

  it('delivers an empty set with its reason', async () => {
    const { hub, client, watcher, apply } = start()
    hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    expect(client.reasons.get('a/s1')).toBe('NO_SUCH_SERVICE')
    apply(service('a', 's1', 'x'))
    await nextTurn()
    expect(client.reasons.get('a/s1')).toBe('NO_SELECTOR_MATCH')
    hub.stop()
  })

  it('sends a loss at the end of the turn even just after another message', async () => {
    const { hub, client, watcher, apply } = start()
    apply(service('a', 's1', 'x'))
    hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    apply(pod('a', 'p1', 'x', true))
    await nextTurn()
    const before = client.received
    apply(pod('a', 'p1', 'x', false))
    await nextTurn()
    expect(client.received).toBe(before + 1)
    hub.stop()
  })

  it('sends a lone change at the end of the turn, just after another too', async () => {
    const { hub, client, watcher, apply } = start()
    apply(service('a', 's1', 'x'))
    apply(pod('a', 'p1', 'x', true))
    hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    await nextTurn()
    for (const weight of [1, 2, 3]) {
      const before = client.received
      apply(pod('a', 'p1', 'x', true, weight))
      await nextTurn()
      expect(client.received).toBe(before + 1)
    }
    hub.stop()
  })

  it('makes one message of the changes that come just after one that took long to send', async () => {
    const world = new World()
    const view = new View()
    let nowMs = 0
    const hub = new WatchHub(view, { encoder, storeId: 'store', now: () => nowMs })
    const client = new StrictClient()
    const sink = {
      // Sending takes 4 ms, so that changes gather for 4.
      send: (bytes: Buffer) => {
        nowMs += 4
        return client.send(bytes)
      },
      end: () => undefined,
    }
    const apply = (change: Parameters<World['change']>[0]) => view.apply(world.change(change))
    apply(service('a', 's1', 'x'))
    apply(pod('a', 'p1', 'x', true))
    hub.subscribe(hub.open(sink, 'test'), { namespace: 'a', service: 's1' })
    await nextTurn()
    apply(pod('a', 'p1', 'x', true, 1))
    await nextTurn()
    const before = client.received
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    for (let weight = 2; weight <= 50; weight++) {
      apply(pod('a', 'p1', 'x', true, weight))
      await nextTurn()
    }
    expect(client.received).toBe(before)
    vi.advanceTimersByTime(4)
    vi.useRealTimers()
    expect(client.received).toBe(before + 1)
    expect(client.sets.get('a/s1')?.get('p1/u')?.weight).toBe(50)
    hub.stop()
  })

  it('answers all the subscriptions of a turn with one bookmark', async () => {
    const { hub, client, watcher } = start()
    for (let n = 0; n < 100; n++) hub.subscribe(watcher, { namespace: 'a', service: `s${n}` })
    await settled()
    expect(client.bookmarks.length).toBe(1)
    hub.stop()
  })

  it('keeps one whole set for a client that does not read, however much changes', async () => {
    const { hub, client, watcher, apply } = start()
    apply(service('a', 's1', 'x'))
    apply(pod('a', 'p1', 'x', true))
    hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    await nextTurn()
    client.isReading = false
    apply(pod('a', 'p1', 'x', false))
    await nextTurn()
    const before = client.received
    for (let i = 0; i < 200; i++) {
      apply(pod('a', 'p1', 'x', i % 2 === 0, i))
      await nextTurn()
    }
    expect(client.received).toBe(before)
    expect(watcher.behind.size).toBe(1)
    client.isReading = true
    hub.drained(watcher)
    expect(client.received).toBe(before + 1)
    expect(client.sets.get('a/s1')?.get('p1/u')?.weight).toBe(199)
    hub.stop()
  })

  it('sends nothing more to a client that does not read and subscribes again', async () => {
    const { hub, client, watcher, apply } = start()
    apply(service('a', 's1', 'x'))
    client.isReading = false
    hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    const before = client.received
    for (let i = 0; i < 10; i++) hub.subscribe(watcher, { namespace: 'a', service: 's1' })
    expect(client.received).toBe(before)
    hub.stop()
  })

  it('tells who watches a namespace of services that come and go, and forgets the gone', async () => {
    const { hub, client, watcher, apply, view } = start()
    hub.subscribe(watcher, { namespace: 'a', service: '' })
    apply(service('a', 's1', 'x'))
    apply(service('b', 's1', 'x'))
    await nextTurn()
    expect([...client.sets.keys()]).toEqual(['a/s1'])
    apply({ key: 'services/a/s1', value: null, isExpiry: false })
    await settled()
    expect(client.reasons.get('a/s1')).toBe('NO_SUCH_SERVICE')
    expect([...view.sets()].map((set) => `${set.namespace}/${set.name}`)).toEqual(['b/s1'])
    hub.stop()
  })

  it('counts the services of a namespace, so that a deletion missed shows', async () => {
    const { hub, client, watcher, apply, view } = start()
    apply(service('a', 's1', 'x'))
    apply(service('a', 's2', 'x'))
    const resume = { storeId: 'store', revision: view.revision }
    apply({ key: 'services/a/s2', value: null, isExpiry: false })
    hub.subscribe(watcher, { namespace: 'a', service: '', resume })
    await nextTurn()
    expect(client.bookmarks).toMatchObject([{ bookmark: [{ namespace: 'a', services: 1 }] }])
    hub.stop()
  })

  it('keeps nothing of a watcher that has gone', () => {
    const { hub, watcher, view } = start()
    hub.subscribe(watcher, { namespace: 'a', service: 'ghost' })
    hub.close(watcher)
    expect([...view.sets()]).toEqual([])
    expect(hub.watchers().size).toBe(0)
    hub.stop()
  })

  it('bookmarks every watcher once a round', async () => {
    const view = new View()
    const hub = open(view, 40)
    const client = new StrictClient()
    hub.subscribe(hub.open(client, 'test'), { namespace: 'a', service: 's1' })
    while (client.bookmarks.length < 3) await settled()
    expect(client.bookmarks[2]).toMatchObject({ storeId: 'store', revision: 0 })
    hub.stop()
  })
})
