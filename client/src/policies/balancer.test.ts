import { createServer, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Backend, echo, echoMany, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt, HandFedSource } from '../../../test/support/hand-fed-source.ts'
import { channelOptions } from '../grpc/channel-options.ts'
import { registerWithGrpc } from '../grpc/register.ts'

const opened: (() => unknown)[] = []
let source: HandFedSource
let tests = 0

beforeEach(() => {
  registerWithGrpc()
  source = new HandFedSource({ policy: 'round_robin' })
  tests += 1
})
afterEach(async () => {
  for (const close of opened.splice(0)) await close()
})

async function backends(...names: string[]): Promise<Backend[]> {
  const started = await Promise.all(names.map((name) => startBackend(name)))
  for (const backend of started) opened.push(() => backend.kill())
  return started
}

function client(options: grpc.ChannelOptions = {}): grpc.Client {
  const made = new grpc.Client(
    // grpc-js keeps one retry throttle per target for the whole process.
    `roster:///test${tests}/web`,
    grpc.credentials.createInsecure(),
    channelOptions(source, options),
  )
  opened.push(() => made.close())
  return made
}

/** Calls until every one of these has answered. */
const untilAnswered = (caller: grpc.Client, names: readonly string[]) =>
  vi.waitFor(
    async () => {
      const { answers } = await echoMany(caller, names.length * 2)
      expect([...answers.keys()].sort()).toEqual([...names].sort())
    },
    { timeout: 5_000, interval: 5 },
  )

/** A port that takes connections and never says a word. */
async function silentPort(): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}

describe('a set of endpoints', () => {
  it('shares the calls among all of them', async () => {
    const [a, b, c] = await backends('a', 'b', 'c')
    source.feed([a!, b!, c!].map((backend) => endpointAt(backend)))
    const caller = client()
    await untilAnswered(caller, ['a', 'b', 'c'])
    const { answers } = await echoMany(caller, 300)
    expect([...answers.values()]).toEqual([100, 100, 100])
  })

  it('gives a new endpoint its share without touching the others', async () => {
    const [a, b] = await backends('a', 'b')
    source.feed([endpointAt(a!)])
    const caller = client()
    await untilAnswered(caller, ['a'])
    source.feed([endpointAt(a!), endpointAt(b!)])
    await untilAnswered(caller, ['a', 'b'])
    expect(a!.peers.size).toBe(1)
  })

  it('takes no new call to an endpoint that left, and lets the one under way end', async () => {
    const [a, b] = await backends('a', 'b')
    source.feed([endpointAt(a!)])
    const caller = client()
    await untilAnswered(caller, ['a'])
    let release = () => {}
    a!.beforeAnswer = () => new Promise((resolve) => (release = resolve))
    const callsBefore = a!.calls
    const slow = echo(caller)
    await vi.waitFor(() => expect(a!.calls).toBe(callsBefore + 1))
    source.feed([endpointAt(b!)])
    await echoMany(caller, 20)
    release()
    expect({ slow: await slow, calls: a!.calls }).toEqual({ slow: 'a', calls: callsBefore + 1 })
  })

  it('keeps its connections when only what is said of the endpoints changes', async () => {
    const [a, b] = await backends('a', 'b')
    const feed = (round: number) =>
      source.feed(
        [a!, b!].map((backend) => endpointAt(backend, { weight: 100 + round, hash: round })),
      )
    feed(0)
    const caller = client()
    await untilAnswered(caller, ['a', 'b'])
    for (let round = 1; round <= 5; round++) {
      feed(round)
      await echoMany(caller, 4)
    }
    expect([a!.peers.size, b!.peers.size]).toEqual([1, 1])
  })
})

describe('an empty set', () => {
  it('fails a call at once, with the reason', async () => {
    source.feed([])
    const caller = client()
    const began = performance.now()
    await expect(echo(caller)).rejects.toThrow(
      'UNAVAILABLE: service shop/web has no endpoints: scaled to zero',
    )
    expect(performance.now() - began).toBeLessThan(500)
  })

  it('is not retried', async () => {
    source.feed([])
    const caller = client()
    await echo(caller).catch(() => {})
    const began = performance.now()
    for (let i = 0; i < 50; i++) await echo(caller).catch(() => {})
    // One retry alone waits 10 ms on average.
    expect(performance.now() - began).toBeLessThan(400)
  })

  it('makes a call that waits for ready wait until there is an endpoint', async () => {
    const [a] = await backends('a')
    source.feed([])
    const caller = client()
    await echo(caller).catch(() => {})
    const waiting = echo(caller, { waitForReady: true })
    source.feed([endpointAt(a!)])
    expect(await waiting).toBe('a')
  })

  it('names the ports there are when the one asked for is missing', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    const caller = new grpc.Client(
      'roster:///shop/web:http',
      grpc.credentials.createInsecure(),
      channelOptions(source),
    )
    opened.push(() => caller.close())
    await expect(echo(caller)).rejects.toThrow(`no TCP port http: its ports are grpc (${a!.port})`)
  })
})

describe('an endpoint that fails', () => {
  it('is passed over by the retry of a call it could not serve', async () => {
    const [a, b, c, d] = await backends('a', 'b', 'c', 'd')
    source.feed([a!, b!, c!, d!].map((backend) => endpointAt(backend)))
    const caller = client()
    await untilAnswered(caller, ['a', 'b', 'c', 'd'])
    for (const sick of [a!, b!]) {
      sick.beforeAnswer = () => {
        throw Object.assign(new Error('sick'), { code: grpc.status.UNAVAILABLE })
      }
    }
    // Every second call fails twice; more than 50 failures in a row are throttled (gRFC A6).
    const { errors } = await echoMany(caller, 40)
    expect(errors).toEqual([])
  })

  it('fails no call when it dies under load', async () => {
    const [a, b, c] = await backends('a', 'b', 'c')
    source.feed([a!, b!, c!].map((backend) => endpointAt(backend)))
    const caller = client()
    await untilAnswered(caller, ['a', 'b', 'c'])
    // Calls that meet the death have no answer yet: one that had begun would not be tried again.
    a!.beforeAnswer = () => new Promise(() => {})
    const callsBefore = a!.calls
    const load = Promise.all(Array.from({ length: 20 }, () => echoMany(caller, 20)))
    await vi.waitFor(() => expect(a!.calls).toBe(callsBefore + 20), { interval: 5 })
    await a!.kill()
    const results = await load
    expect(results.flatMap(({ errors }) => errors)).toEqual([])
  })

  it('does not freeze the process when it was the only one', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    const caller = client()
    await untilAnswered(caller, ['a'])
    const load = Promise.all(
      Array.from({ length: 20 }, () => echo(caller, { deadlineMs: 500 }).catch(() => 'failed')),
    )
    await a!.kill()
    // A frozen event loop would keep this from settling at all.
    expect(await load).toHaveLength(20)
    await expect(echo(caller, { deadlineMs: 500 })).rejects.toThrow(/UNAVAILABLE|DEADLINE/)
  })

  it('names its error when no endpoint can be reached', async () => {
    const [a] = await backends('a')
    await a!.kill()
    source.feed([endpointAt(a!)])
    await expect(echo(client())).rejects.toThrow(
      /none of 1 endpoints can be reached.*ECONNREFUSED/s,
    )
  })

  it('is tried at once when the registry has news of its address', async () => {
    const [a, b] = await backends('a', 'b')
    source.feed([endpointAt(a!), endpointAt(b!)])
    const caller = client({
      'grpc.initial_reconnect_backoff_ms': 60_000,
      'grpc.max_reconnect_backoff_ms': 60_000,
    })
    await untilAnswered(caller, ['a', 'b'])
    await a!.kill()
    await vi.waitFor(async () => {
      expect([...(await echoMany(caller, 4)).answers.keys()]).toEqual(['b'])
    })
    const again = await startBackend('a2', a!.port)
    opened.push(() => again.kill())
    source.feed([endpointAt(again), endpointAt(b!)])
    await untilAnswered(caller, ['a2', 'b'])
  })

  it('that takes connections and says nothing does not hold up the others', async () => {
    const port = await silentPort()
    const [a] = await backends('a')
    source.feed([endpointAt({ name: 'silent', port }), endpointAt(a!)])
    await untilAnswered(client(), ['a'])
  })
})

describe('a channel', () => {
  it('is not taken over by an http_proxy in the environment', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1')
    const caller = client()
    vi.unstubAllEnvs()
    expect(await echo(caller)).toBe('a')
  })

  it('works again after it has been idle', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    const caller = client({ 'grpc.client_idle_timeout_ms': 1_000 })
    await echo(caller)
    await vi.waitFor(() => expect(source.subscribers).toBe(0), { timeout: 5_000 })
    expect(await echo(caller)).toBe('a')
  })

  it('lets go of the source when it closes', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    const caller = client()
    await echo(caller)
    caller.close()
    expect(source.subscribers).toBe(0)
  })

  it('shares its connections with others to the same service', async () => {
    const [a] = await backends('a')
    source.feed([endpointAt(a!)])
    await echo(client())
    await echo(client())
    expect(a!.peers.size).toBe(1)
  })
})
