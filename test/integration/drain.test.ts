import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { RawWatcher } from '../support/raw-watcher.ts'

const QUIET = { data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' }
const POD = { namespace: 'demo', name: 'web-1' }
const WEB = { subscribe: { namespace: 'demo', service: 'web' } }

let registry: RunningRegistry
let client: Clients
let watchers: RawWatcher[]

beforeEach(async () => {
  registry = await startRegistry(QUIET)
  client = connect(registry.address)
  watchers = []
  await client.catalog.applyService(webService())
  await client.pods.registerPod({ pod: webPod('web-1') })
})

afterEach(async () => {
  for (const watcher of watchers) watcher.close()
  client.close()
  await registry.stop()
})

/** A watcher that has the pod. */
async function watching(name: string, request: ConstructorParameters<typeof RawWatcher>[2] = WEB) {
  const watcher = new RawWatcher(name, client, request)
  watchers.push(watcher)
  await eventually(() => watcher.ready.get('web')?.has('web-1') === true)
  return watcher
}

/** What a promise has come to so far. */
const settledIn = (promise: Promise<unknown>) => {
  const state = { isSettled: false }
  const settle = () => {
    state.isSettled = true
  }
  promise.then(settle, settle)
  return state
}

describe('a drain', () => {
  it('answers when the last watcher has acknowledged, and counts them', async () => {
    const byName = await watching('by-name')
    const byNamespace = await watching('by-namespace', { subscribe: { namespace: 'demo' } })
    const ofAll = await watching('of-all', { subscribe: {} })
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    const state = settledIn(drained)
    for (const watcher of [byName, byNamespace, ofAll]) {
      await watcher.hasLost('web', 'web-1')
      // What is answered before the acknowledgement is answered before this, too.
      await client.pods.getPod(POD)
      expect(state.isSettled).toBe(false)
      watcher.ack()
    }
    const { pod } = await client.pods.getPod(POD)
    expect(await drained).toEqual({ revision: pod?.metadata?.revision, laggards: [], watchers: 3 })
    expect(pod?.status?.terminating).toBe(true)
  })

  it('names who has not acknowledged when time is up', async () => {
    const quick = await watching('quick')
    const slow = await watching('slow')
    slow.ack()
    await watching('silent')
    const before = slow.revision
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 500 })
    await quick.hasLost('web', 'web-1')
    quick.ack()
    const { laggards, watchers: count } = await drained
    expect(count).toBe(3)
    expect(laggards.toSorted((a, b) => (a.client < b.client ? -1 : 1))).toEqual([
      { client: 'silent', ackedRevision: 0 },
      { client: 'slow', ackedRevision: before },
    ])
  })

  it.each<[string, (watcher: RawWatcher) => void]>([
    ['leaves', (watcher) => watcher.close()],
    [
      'unsubscribes',
      (watcher) => watcher.say({ unsubscribe: { namespace: 'demo', service: 'web' } }),
    ],
    ['falls mute without ever having acknowledged', (watcher) => watcher.halfClose()],
  ])('is not held up by a watcher that %s meanwhile', async (_, leave) => {
    const staying = await watching('staying')
    const leaving = await watching('leaving')
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    await staying.hasLost('web', 'web-1')
    staying.ack()
    leave(leaving)
    expect(await drained).toMatchObject({ laggards: [], watchers: 1 })
  })

  it('does not wait for a watcher that cannot acknowledge', async () => {
    const grpcurl = await watching('grpcurl')
    grpcurl.halfClose()
    const startedMs = performance.now()
    await eventually(async () => {
      const { watchers: count } = await client.pods.drainPod({ ...POD, timeoutMs: 1 })
      return count === 0
    })
    const answer = await client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    expect(answer).toMatchObject({ laggards: [], watchers: 0 })
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  })

  it('answers at once for a pod that is drained already', async () => {
    const watcher = await watching('one')
    const first = client.pods.drainPod(POD)
    await watcher.hasLost('web', 'web-1')
    watcher.ack()
    const { revision } = await first
    const second = await client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    expect(second).toEqual({ revision, laggards: [], watchers: 1 })
  })

  it('of a pod that is marked already waits for who has not acknowledged that', async () => {
    const watcher = await watching('one')
    await client.pods.updatePodStatus({ ...POD, terminating: true })
    await watcher.hasLost('web', 'web-1')
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    const state = settledIn(drained)
    await client.pods.getPod(POD)
    expect(state.isSettled).toBe(false)
    watcher.ack()
    expect(await drained).toMatchObject({ laggards: [], watchers: 1 })
  })

  it('waits for who watches a service of the pod, of many, and for nobody else', async () => {
    await client.catalog.applyService({
      service: {
        metadata: { name: 'front', namespace: 'demo' },
        spec: { clusterIp: 'None', selector: { app: 'web' } },
      },
    })
    await client.catalog.applyService(webService('other'))
    const front = new RawWatcher('front', client, {
      subscribe: { namespace: 'demo', service: 'front' },
    })
    const other = new RawWatcher('other', client, {
      subscribe: { namespace: 'demo', service: 'other' },
    })
    watchers.push(front, other)
    await eventually(() => front.ready.get('front')?.has('web-1') === true)
    await eventually(() => other.revision > 0)
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    await front.hasLost('front', 'web-1')
    front.ack()
    expect(await drained).toMatchObject({ laggards: [], watchers: 1 })
  })

  it('goes on when the pod is deregistered meanwhile', async () => {
    const watcher = await watching('one')
    const drained = client.pods.drainPod({ ...POD, timeoutMs: 20_000 })
    await watcher.hasLost('web', 'web-1')
    const { revision } = await client.pods.deregisterPod(POD)
    await eventually(() => watcher.revision === revision)
    watcher.ack()
    expect(await drained).toMatchObject({ laggards: [], watchers: 1 })
  })

  it('leaves the pod marked when its caller gives up', async () => {
    const watcher = await watching('one')
    const aborter = new AbortController()
    const drained = client.pods
      .drainPod({ ...POD, timeoutMs: 20_000 }, { signal: aborter.signal })
      .catch((error: unknown) => error)
    await watcher.hasLost('web', 'web-1')
    aborter.abort()
    expect(await drained).toMatchObject({ name: 'AbortError' })
    expect((await client.pods.getPod(POD)).pod?.status?.terminating).toBe(true)
  })

  it('ends with UNAVAILABLE when the registry stops', async () => {
    const watcher = await watching('one')
    const drained = client.pods
      .drainPod({ ...POD, timeoutMs: 20_000 })
      .catch((error: unknown) => error)
    await watcher.hasLost('web', 'web-1')
    await registry.stop()
    expect(await drained).toMatchObject({ code: 14 })
  })

  it.each([
    ['a pod there is not', { name: 'nope' }, { code: 5 }],
    ['a former life', { ...POD, uid: 'former' }, { code: 9, extra: [{ reason: 'NOT_OWNER' }] }],
    [
      'more time than there is',
      { ...POD, timeoutMs: 600_001 },
      { code: 3, extra: [{ fieldViolations: [{ field: 'timeout_ms' }] }, {}] },
    ],
    ['less than no time', { ...POD, timeoutMs: -1 }, { code: 3 }],
  ])('refuses %s and marks nothing', async (_, request, expected) => {
    await expect(client.pods.drainPod(request)).rejects.toMatchObject(expected)
    expect((await client.pods.getPod(POD)).pod?.status?.terminating).toBe(false)
  })
})
