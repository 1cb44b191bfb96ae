import {
  EndpointService,
  type WatchEndpointsRequest__Output,
  type WatchEndpointsResponse,
} from '@roster/proto'
import { createServer } from 'nice-grpc'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { RosterEvent } from './events.ts'
import { RegistryClient } from './registry-client.ts'
import { Watcher } from './watcher.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** What a registry of the test says on one stream; the requests of the stream are its argument. */
type Script = (
  requests: AsyncIterable<WatchEndpointsRequest__Output>,
  streamNumber: number,
) => AsyncGenerator<WatchEndpointsResponse>

/** A registry that follows a script, a watcher of it, and all that the watcher says and reports. */
async function watching(script: Script, silenceMs?: number) {
  const said: WatchEndpointsRequest__Output[] = []
  const events: RosterEvent[] = []
  let streams = 0
  const server = createServer()
  server.add(
    { watchEndpoints: EndpointService.watchEndpoints } as typeof EndpointService,
    {
      watchEndpoints: (requests: AsyncIterable<WatchEndpointsRequest__Output>) =>
        script(recorded(requests, said), ++streams),
    } as never,
  )
  const port = await server.listen('127.0.0.1:0')
  const client = new RegistryClient(`127.0.0.1:${port}`)
  const onEvent = (event: RosterEvent) => events.push(event)
  const consumer = { name: 'me', preferences: {}, onEvent }
  const watcher = new Watcher({ client, consumer, ...(silenceMs && { silenceMs }) })
  opened.push(
    () => server.forceShutdown(),
    () => client.close(),
    () => watcher.close(),
  )
  return { watcher, said, events }
}

async function* recorded<T>(requests: AsyncIterable<T>, into: T[]): AsyncGenerator<T> {
  for await (const request of requests) {
    into.push(request)
    yield request
  }
}

const web = { namespace: 'shop', service: 'web' }
const snapshot = (revision: number): WatchEndpointsResponse => ({
  revision,
  snapshot: { ...web, endpoints: [{ id: 'a', ready: true, hash: 7 }], hash: 7 },
})
const bookmark = (revision: number, hash: number): WatchEndpointsResponse => ({
  revision,
  bookmark: { storeId: 'h', sets: [{ ...web, hash }] },
})
const subscriptions = (said: readonly WatchEndpointsRequest__Output[]) =>
  said.flatMap(({ subscribe }) => (subscribe ? [subscribe] : []))

/** Reads requests until they end; the stream stays open as long. */
async function listen(requests: AsyncIterable<unknown>) {
  for await (const _ of requests);
}

describe('a watcher', () => {
  it('acknowledges what its listeners have seen', async () => {
    const { watcher, said } = await watching(async function* (requests) {
      yield snapshot(3)
      await listen(requests)
    })
    let seenAt = Number.NaN
    watcher.subscribe(web, ({ set }) => {
      seenAt = set?.revision ?? seenAt
    })
    await vi.waitFor(() => expect(said.map(({ ack }) => ack?.revision)).toContain(3))
    expect(seenAt).toBe(3)
  })

  it('asks for a set anew when it does not add up, and not over and over', async () => {
    const { watcher, said, events } = await watching(async function* (requests) {
      yield snapshot(3)
      for (let revision = 4; revision < 9; revision++) yield bookmark(revision, 8)
      await listen(requests)
    })
    watcher.subscribe(web, () => {})
    await vi.waitFor(() => expect(said.map(({ ack }) => ack?.revision)).toContain(8))
    expect(events.filter(({ type }) => type === 'resync')).toEqual([{ type: 'resync', ...web }])
    expect(subscriptions(said)).toEqual([
      { ...web, resume: null },
      { ...web, resume: null },
    ])
  })

  it('resumes where it was after the stream has ended', async () => {
    const { watcher, said } = await watching(async function* (requests, stream) {
      // The first stream ends without having listened, so only the second one's request is seen.
      if (stream > 1) await listen(requests)
      yield snapshot(3)
      yield bookmark(5, 7)
    })
    watcher.subscribe(web, () => {})
    await vi.waitFor(() => expect(subscriptions(said)).toHaveLength(1))
    expect(subscriptions(said)[0]?.resume).toEqual({ storeId: 'h', revision: 5 })
  })

  it('leaves a stream that says nothing', async () => {
    const { watcher, events } = await watching(async function* (requests) {
      yield snapshot(3)
      await listen(requests)
    }, 100)
    watcher.subscribe(web, () => {})
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('watch_broken'))
    expect(events.find((event) => event.type === 'watch_broken')?.error.message).toMatch(
      /was silent for 100 ms/,
    )
    expect(watcher.current(web)?.endpoints.map(({ id }) => id)).toEqual(['a'])
  })

  it('reports once that a set is stale, and knows how long it is', async () => {
    const { watcher, events } = await watching(async function* (requests, stream) {
      if (stream === 1) yield snapshot(3)
      await listen(requests)
    }, 50)
    watcher.subscribe(web, () => {})
    await vi.waitFor(() =>
      expect(events.filter(({ type }) => type === 'watch_broken').length).toBeGreaterThan(2),
    )
    expect(events.filter(({ type }) => type === 'stale')).toEqual([
      { type: 'stale', ...web, stalenessMs: expect.any(Number) },
    ])
    expect(watcher.stalenessMs(web)).toBeGreaterThan(100)
  })

  it('looks soon for a registry whose stream stood, but not at once', async () => {
    const { watcher, events } = await watching(async function* () {
      yield snapshot(3)
      yield bookmark(3, 7)
    })
    watcher.subscribe(web, () => {})
    const delays = () =>
      events.flatMap((event) => (event.type === 'watch_broken' ? [event.retryInMs] : []))
    await vi.waitFor(() => expect(delays().length).toBeGreaterThan(4), { timeout: 5_000 })
    expect(Math.min(...delays())).toBeGreaterThanOrEqual(50)
    expect(Math.max(...delays())).toBeLessThan(250)
  })

  it('has one stream for all services, and none for nothing', async () => {
    let open = 0
    const { watcher, said } = await watching(async function* (requests) {
      open += 1
      try {
        yield snapshot(3)
        await listen(requests)
      } finally {
        open -= 1
      }
    })
    const leave = ['web', 'cart'].map((service) =>
      watcher.subscribe({ namespace: 'shop', service }, () => {}),
    )
    await vi.waitFor(() => expect(subscriptions(said)).toHaveLength(2))
    expect(open).toBe(1)
    for (const unsubscribe of leave) unsubscribe()
    await vi.waitFor(() => expect(open).toBe(0))
  })

  it('takes a service out when its last listener goes', async () => {
    const { watcher, said } = await watching(async function* (requests) {
      yield snapshot(3)
      await listen(requests)
    })
    const cart = { namespace: 'shop', service: 'cart' }
    watcher.subscribe(cart, () => {})
    const leave = [watcher.subscribe(web, () => {}), watcher.subscribe(web, () => {})]
    await vi.waitFor(() => expect(subscriptions(said)).toHaveLength(2))
    for (const unsubscribe of leave) unsubscribe()
    await vi.waitFor(() =>
      expect(said.flatMap(({ unsubscribe }) => unsubscribe ?? [])).toEqual([web]),
    )
  })
})
