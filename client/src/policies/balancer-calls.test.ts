import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Backend, echo, echoMany, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function start(name: string, port = 0): Promise<Backend> {
  const backend = await startBackend(name, port)
  opened.push(backend.kill)
  return backend
}

/** A channel to these backends, connected to all of them. */
async function connected(
  backends: readonly Backend[],
  config: object,
  options: ConstructorParameters<typeof PushedChannel>[0] = {},
) {
  const channel = new PushedChannel(options)
  opened.push(() => channel.close())
  channel.push(
    backends.map((backend) => endpointAt(backend)),
    config,
  )
  await untilConnected(channel, backends)
  return channel
}

const untilConnected = (channel: PushedChannel, backends: readonly Backend[]) =>
  vi.waitFor(
    async () => {
      await echo(channel.client)
      expect(backends.filter(({ name }) => channel.stats(name).state !== 'READY')).toEqual([])
    },
    { timeout: 5_000 },
  )

const names = (count: number) => Array.from({ length: count }, (_, i) => `b${i}`)
const nothing = () => new Promise<void>(() => {})

describe('calls', () => {
  it('that begin in one turn of the event loop are shared', async () => {
    const backends = await Promise.all(names(3).map((name) => start(name)))
    const { client } = await connected(backends, { policy: 'peak_ewma' })
    await echoMany(client, 60)
    const before = backends.map(({ calls }) => calls)
    await Promise.all(Array.from({ length: 300 }, () => echo(client)))
    const shares = backends.map(({ calls }, i) => calls - before[i]!)
    expect(Math.min(...shares)).toBeGreaterThan(40)
  })

  it.each(['peak_ewma', 'least_request', 'round_robin', 'weighted', 'maglev'])(
    'by %s are all accounted for, however they end',
    async (policy) => {
      const [a] = [await start('a')]
      const channel = await connected([a], { policy, ejection: false })
      const { client } = channel
      const before = channel.stats('a')
      await echo(client)
      a.beforeAnswer = () => {
        throw Object.assign(new Error('sick'), { code: grpc.status.INTERNAL })
      }
      await expect(echo(client)).rejects.toThrow('sick')
      a.beforeAnswer = nothing
      await expect(echo(client, { deadlineMs: 30 })).rejects.toThrow('DEADLINE')
      await cancelled(client, () => vi.waitFor(() => expect(a.calls).toBe(before.picks + 4)))
      const after = channel.stats('a')
      expect({
        inFlight: after.inFlight,
        successes: after.successes - before.successes,
        failures: after.failures - before.failures,
      }).toEqual({ inFlight: 0, successes: 1, failures: 2 })
    },
  )

  it('that are picked for and never begin leave no trace', async () => {
    const a = await start('a')
    const channel = await connected([a], { policy: 'peak_ewma' })
    const before = { picks: channel.stats('a').picks, calls: a.calls }
    // Between the pick and the beginning of a call are some turns of the microtask queue.
    for (let turns = 0; turns < 30; turns++) {
      await cancelled(channel.client, async () => {
        for (let turn = 0; turn < turns; turn++) await undefined
      })
    }
    await echo(channel.client)
    const { picks, inFlight } = channel.stats('a')
    expect(inFlight).toBe(0)
    expect(picks - before.picks).toBeGreaterThan(a.calls - before.calls)
  })
})

/** A call that is cancelled when the time has come. */
async function cancelled(client: grpc.Client, when: () => unknown): Promise<void> {
  const text = { to: () => Buffer.alloc(0), from: () => '' }
  let cancel = () => {}
  const ended = new Promise<void>((resolve) => {
    const path = '/test.v1.EchoService/Echo'
    const call = client.makeUnaryRequest(path, text.to, text.from, {}, () => resolve())
    cancel = () => call.cancel()
  })
  await when()
  cancel()
  await ended
}

describe('a newcomer', () => {
  const slowly = { policy: 'weighted', slowStartMs: 60_000 }

  it('gets a small share at first', async () => {
    const backends = await Promise.all(names(4).map((name) => start(name)))
    const channel = await connected(backends.slice(0, 3), slowly)
    channel.push(
      backends.map((backend) => endpointAt(backend)),
      slowly,
    )
    await untilConnected(channel, backends)
    const before = backends[3]!.calls
    await echoMany(channel.client, 310)
    // A tenth of the weight of one of the others.
    expect(Math.abs(backends[3]!.calls - before - 10)).toBeLessThan(5)
  })

  it('gets its whole share in the end', async () => {
    const backends = await Promise.all(names(2).map((name) => start(name)))
    const fast = { policy: 'weighted', slowStartMs: 600 }
    const channel = await connected(backends.slice(0, 1), fast)
    channel.push(
      backends.map((backend) => endpointAt(backend)),
      fast,
    )
    await untilConnected(channel, backends)
    const first = channel.stats('b1').weight
    await vi.waitFor(() => expect(channel.stats('b1').weight).toBe(100), { timeout: 5_000 })
    expect(first).toBeLessThan(100)
    await vi.waitFor(async () => {
      const before = backends[1]!.calls
      await echoMany(channel.client, 20)
      expect(backends[1]!.calls - before).toBe(10)
    })
  })

  it('is nobody who was there at the start', async () => {
    const backends = await Promise.all(names(3).map((name) => start(name)))
    const channel = await connected(backends, slowly)
    expect(backends.map(({ name }) => channel.stats(name).weight)).toEqual([100, 100, 100])
  })

  it('is one that could not be reached for a while', async () => {
    const backends = await Promise.all(names(2).map((name) => start(name)))
    const channel = await connected(backends, slowly)
    await backends[0]!.kill()
    await vi.waitFor(() => expect(channel.stats('b0').state).toBe('TRANSIENT_FAILURE'))
    await start('b0', backends[0]!.port)
    await untilConnected(channel, backends)
    expect(channel.stats('b0').weight).toBeLessThan(15)
  })

  it('is not for round robin, which knows no weights', async () => {
    const backends = await Promise.all(names(2).map((name) => start(name)))
    const config = { policy: 'round_robin', slowStartMs: 60_000 }
    const channel = await connected(backends.slice(0, 1), config)
    channel.push(
      backends.map((backend) => endpointAt(backend)),
      config,
    )
    await untilConnected(channel, backends)
    expect(channel.stats('b1').weight).toBe(100)
  })
})

describe('an endpoint', () => {
  it('that moves to another address is followed', async () => {
    const [here, there] = [await start('a'), await start('a2')]
    const channel = await connected([here], { policy: 'round_robin' })
    channel.push([endpointAt({ name: 'a', port: there.port })])
    expect(await echo(channel.client)).toBe('a2')
  })

  it('that is told twice counts once', async () => {
    const [a, b] = [await start('a'), await start('b')]
    const channel = await connected([a, b], { policy: 'round_robin' })
    channel.push([endpointAt(a), endpointAt(a), endpointAt(b)])
    const before = a.calls
    await echoMany(channel.client, 20)
    expect(a.calls - before).toBe(10)
  })

  it('that is pushed again after it left is tried at once', async () => {
    const [a, b] = [await start('a'), await start('b')]
    const backoff = { 'grpc.initial_reconnect_backoff_ms': 60_000 }
    const channel = await connected([a, b], { policy: 'round_robin' }, { channel: backoff })
    await a.kill()
    await vi.waitFor(() => expect(channel.stats('a').state).toBe('TRANSIENT_FAILURE'))
    channel.push([endpointAt(b)])
    const again = await start('a', a.port)
    channel.push([endpointAt(again), endpointAt(b)])
    await untilConnected(channel, [again, b])
    expect(again.name).toBe('a')
  })

  it('keeps its place in the picker when a push changes nothing', async () => {
    const backends = await Promise.all(names(3).map((name) => start(name)))
    const channel = await connected(backends, { policy: 'round_robin' })
    const endpoints = backends.map((backend) => endpointAt(backend))
    channel.push(endpoints)
    const before = backends.map(({ calls }) => calls)
    for (let i = 0; i < 30; i++) {
      // A new picker would begin at a random place.
      channel.push(endpoints)
      await echo(channel.client)
    }
    expect(backends.map(({ calls }, i) => calls - before[i]!)).toEqual([10, 10, 10])
  })
})
