import * as grpc from '@grpc/grpc-js'
import type { RosterEvent } from '@roster/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LeaseKeeper } from '../../client/src/lease-keeper.ts'
import { RegistryClient } from '../../client/src/registry-client.ts'
import { connect } from '../support/clients.ts'
import { EchoService, echo, echoMany } from '../support/echo-backend.ts'
import { applyEcho, podOf, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** A registry, a connection to it, and everything the connection says. */
async function start(options: { readonly leaseTtlMs?: number } = {}) {
  const { address, stop } = await world.registry()
  const events: RosterEvent[] = []
  const roster = world.connect(address, { ...options, onEvent: (event) => events.push(event) })
  const admin = connect(address)
  world.onClose(() => admin.close())
  const podNamed = async (name: string) =>
    (await admin.pods.getPod({ namespace: 'demo', name })).pod
  return { address, stop, events, roster, admin, podNamed }
}

const ofType = <T extends RosterEvent['type']>(events: readonly RosterEvent[], type: T) =>
  events.filter((event): event is Extract<RosterEvent, { type: T }> => event.type === type)

describe('a server that is registered', () => {
  it('is a pod with the port the server is bound to', async () => {
    const { roster, podNamed } = await start()
    const server = new grpc.Server()
    world.onClose(() => server.forceShutdown())
    const port = await new Promise<number>((resolve) => {
      const insecure = grpc.ServerCredentials.createInsecure()
      server.bindAsync('127.0.0.1:0', insecure, (_, bound) => resolve(bound))
    })
    await roster.register(server, { namespace: 'demo', name: 'a' }).ready
    expect((await podNamed('a'))?.spec?.ports).toMatchObject([
      { name: 'grpc', containerPort: port },
    ])
  })

  it('is refused at once where its port cannot be known', async () => {
    const { roster } = await start()
    expect(() => roster.register(new grpc.Server())).toThrow(/FAILED|not bound/)
  })

  it.each<[string, unknown[]]>([
    ['is given nothing', []],
    ['has a wrong option', [{ ports: [], weight: -1 }]],
    ['has a wrong option beside its server', [new grpc.Server(), { weight: -1 }]],
    ['has no options beside its server', [new grpc.Server(), null]],
  ])('is refused at once where it %s', async (_, given) => {
    const { roster } = await start()
    const register: (...given: unknown[]) => unknown = roster.register as never
    expect(() => register(...given)).toThrow(expect.objectContaining({ code: 'INVALID' }))
  })

  it('says all it was told to say of itself', async () => {
    const { roster, podNamed } = await start()
    const registration = roster.register({
      namespace: 'demo',
      name: 'a',
      ports: [{ name: 'grpc', containerPort: 5 }],
      weight: 7,
      services: [EchoService],
      notIdempotentMethods: ['shop.v1.Orders/Place'],
      readinessProbe: { tcpSocket: { port: 'grpc' }, periodSeconds: 600 },
    })
    await registration.ready
    expect((await podNamed('a'))?.spec).toMatchObject({
      weight: 7,
      notIdempotentMethods: ['test.v1.EchoService/*', 'shop.v1.Orders/Place'],
      readinessProbe: { tcpSocket: { port: 'grpc' }, periodSeconds: 600 },
    })
  })
})

describe('a pod with a readiness check', () => {
  it('is ready when the check says so, and no longer than that', async () => {
    const { roster, podNamed } = await start()
    let isReady = false
    const readiness = async () => isReady
    const own = { namespace: 'demo', name: 'a', ports: [], readiness, readinessPeriodMs: 10 }
    await roster.register(own).ready
    const seen = [(await podNamed('a'))?.status?.ready]
    for (isReady of [true, false]) {
      await vi.waitFor(async () => expect((await podNamed('a'))?.status?.ready).toBe(isReady))
      seen.push(isReady)
    }
    expect(seen).toEqual([false, true, false])
  })

  it('is not ready against its own word', async () => {
    const { roster, podNamed } = await start()
    const check = vi.fn(() => true)
    const own = { namespace: 'demo', name: 'a', ports: [], readinessPeriodMs: 5 }
    const registration = roster.register({ ...own, readiness: check, ready: false })
    await registration.ready
    await vi.waitFor(() => expect(check.mock.calls.length).toBeGreaterThan(5))
    const before = (await podNamed('a'))?.status?.ready
    await registration.setReady(true)
    expect([before, (await podNamed('a'))?.status?.ready]).toEqual([false, true])
  })
})

describe('a drain', () => {
  it('ends when the callers have acknowledged', async () => {
    const { address, events, roster } = await start()
    await applyEcho(roster)
    const caller = world.connect(address)
    const registration = roster.register({
      ...podOf(await world.backend('a')),
      // Were it to wait for the time, the test would be over first.
      drain: { ackTimeoutMs: 60_000, propagateMs: 60_000 },
    })
    await registration.ready
    await caller.ready('demo/echo')
    await echo(world.client(caller))
    await registration.drain()
    expect(ofType(events, 'drained')).toEqual([{ type: 'drained', pod: 'demo/a', laggards: [] }])
  })

  it('names those who have not acknowledged in time, and goes on', async () => {
    const { roster, admin, events, podNamed } = await start()
    await applyEcho(roster)
    const silent = new AbortController()
    world.onClose(() => silent.abort())
    const subscribed = deferred()
    const requests = async function* () {
      yield { client: 'laggard', subscribe: { namespace: 'demo', service: 'echo' } }
      await new Promise((resolve) => silent.signal.addEventListener('abort', resolve))
    }
    void (async () => {
      const options = { signal: silent.signal }
      for await (const _ of admin.endpoints.watchEndpoints(requests(), options))
        subscribed.resolve()
    })().catch(() => {})
    await subscribed.promise
    const drain = { ackTimeoutMs: 200 }
    const registration = roster.register({ ...podOf(await world.backend('a')), drain })
    await registration.ready
    await registration.drain()
    expect(ofType(events, 'drained')[0]?.laggards).toEqual(['laggard'])
    await expect(podNamed('a')).rejects.toThrow(/NOT_FOUND/)
  })

  it('waits a while instead where the registry is away', async () => {
    const { roster, events, stop } = await start()
    const drain = { ackTimeoutMs: 60_000, propagateMs: 10 }
    const registration = roster.register({ ...podOf(await world.backend('a')), drain })
    await registration.ready
    await stop()
    await registration.drain()
    expect(ofType(events, 'drain_unacknowledged')[0]?.error.code).toBe('UNAVAILABLE')
  })
})

/** For Node 20, which has no Promise.withResolvers. */
function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

describe('a server of several pods', () => {
  it('serves until the last of them has drained', async () => {
    const { address, roster } = await start()
    await applyEcho(roster)
    const backend = await world.backend('a')
    const first = roster.register(podOf(backend))
    // Of another connection: whoever registered it, it is one server.
    const second = world.connect(address).register({ ...podOf(backend), name: 'b' })
    await Promise.all([first.ready, second.ready])
    const client = world.client(roster)
    await roster.ready('demo/echo')
    await second.drain()
    const { answers } = await echoMany(client, 10)
    expect(answers).toEqual(new Map([['a', 10]]))
    await first.drain()
    await expect(echo(client)).rejects.toThrow('UNAVAILABLE')
  })

  it('ends with the one that drains when the other was lost', async () => {
    const { address, roster, events } = await start()
    const backend = await world.backend('a')
    const lost = roster.register(podOf(backend))
    const other = roster.register({ ...podOf(backend), name: 'b' })
    await Promise.all([lost.ready, other.ready])
    await world.connect(address).register({ namespace: 'demo', name: 'a', ports: [] }).ready
    await lost.setReady(false)
    const shutdown = vi.spyOn(backend, 'tryShutdown')
    await other.drain()
    expect([ofType(events, 'registration_lost').length, shutdown.mock.calls.length]).toEqual([1, 1])
  })
})

describe('many pods of one process', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ namespace: 'demo', name: `p-${i}`, ports: [] }))

  it('are all registered, and all again when the lease is lost', async () => {
    const { roster, admin, events, podNamed } = await start({ leaseTtlMs: 1_000 })
    const registrations = many(250).map((pod) => roster.register(pod))
    await Promise.all(registrations.map(({ ready }) => ready))
    await admin.leases.revokeLease({ leaseId: (await podNamed('p-0'))?.status?.leaseId ?? '' })
    await vi.waitFor(() => expect(ofType(events, 'registered').length).toBe(500), {
      timeout: 10_000,
    })
    const { pods } = await admin.pods.listPods({ namespace: 'demo', pageSize: 1_000 })
    expect(pods.map(({ metadata }) => metadata?.uid).sort()).toEqual(
      registrations.map(({ uid }) => uid).sort(),
    )
  })

  it('are not kept out by one that is refused', async () => {
    const { roster } = await start()
    const pods = many(5).map((pod, i) => (i === 2 ? { ...pod, labels: { 'bad key': 'x' } } : pod))
    const outcomes = await Promise.allSettled(pods.map((pod) => roster.register(pod).ready))
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    ])
  })

  it('leave together when the connection is closed', async () => {
    const { roster, admin } = await start()
    await Promise.all(many(30).map((pod) => roster.register(pod).ready))
    await roster.close()
    expect((await admin.pods.listPods({ namespace: 'demo' })).pods).toEqual([])
  })
})

describe('a pod whose name is taken', () => {
  it('is lost when it next speaks, and leaves the name to the other', async () => {
    const { address, roster, events, podNamed } = await start()
    const registration = roster.register({ namespace: 'demo', name: 'a', ports: [] })
    await registration.ready
    const other = world.connect(address).register({ namespace: 'demo', name: 'a', ports: [] })
    await other.ready
    await registration.setReady(false)
    expect(ofType(events, 'registration_lost')[0]?.error.code).toBe('NOT_OWNER')
    expect((await podNamed('a'))?.metadata?.uid).toBe(other.uid)
  })

  it('does not take it back when it has to register anew', async () => {
    const { address, roster, events, admin, podNamed } = await start({ leaseTtlMs: 1_000 })
    await roster.register({ namespace: 'demo', name: 'a', ports: [] }).ready
    const leaseId = (await podNamed('a'))?.status?.leaseId ?? ''
    const other = world.connect(address).register({ namespace: 'demo', name: 'a', ports: [] })
    await other.ready
    await admin.leases.revokeLease({ leaseId })
    await vi.waitFor(() => expect(ofType(events, 'registration_lost').length).toBe(1), {
      timeout: 10_000,
    })
    expect((await podNamed('a'))?.metadata?.uid).toBe(other.uid)
  })
})

it('a pod that cannot say where it is costs the others no lease, and is told when it can', async () => {
  const { address, admin, podNamed } = await start()
  const events: string[] = []
  const client = new RegistryClient(address)
  const onEvent = ({ type }: { readonly type: string }) => {
    events.push(type)
  }
  const keeper = new LeaseKeeper({ client, ttlMs: 1_000, onEvent })
  world.onClose(() => client.close())
  world.onClose(() => keeper.close())
  const conditions = { ready: true, terminating: false }
  const refused = vi.fn()
  let isLost = true
  const registrant = (name: string, place: () => Promise<string>) => ({
    ...{ namespace: 'demo', name, uid: name, conditions },
    pod: async () => ({
      metadata: { namespace: 'demo', name, uid: name },
      status: { podIps: [await place()] },
    }),
    registered: () => {},
    lost: refused,
  })
  keeper.add(registrant('found', async () => '127.0.0.1'))
  keeper.add(
    registrant('lost', async () => {
      if (isLost) throw new Error('no network')
      return '127.0.0.1'
    }),
  )
  // Tried again with every beat, for longer than the lease would live without beats.
  await vi.waitFor(
    () =>
      expect(events.filter((type) => type === 'registration_delayed').length).toBeGreaterThan(5),
    {
      timeout: 10_000,
    },
  )
  const known = (await admin.pods.listPods({ namespace: 'demo' })).pods
  expect(known.map(({ metadata }) => metadata?.name)).toEqual(['found'])
  isLost = false
  await vi.waitFor(() => podNamed('lost'), { timeout: 10_000 })
  expect([events.includes('lease_lost'), refused.mock.calls]).toEqual([false, []])
})

describe('a connection', () => {
  it('that is closed while its pod is being registered leaves nothing behind', async () => {
    const { roster, admin } = await start()
    const outcomes = []
    for (let i = 0; i < 20; i++) {
      const own = world.connect(roster.address)
      const registration = own.register({ namespace: 'demo', name: `p-${i}`, ports: [] })
      // At another point of the way each time.
      for (let turn = 0; turn < i; turn++) await new Promise(setImmediate)
      await own.close()
      outcomes.push(await registration.ready.catch(({ code }) => code))
    }
    expect(outcomes[0]).toBe('CANCELLED')
    expect((await admin.pods.listPods({ namespace: 'demo' })).pods).toEqual([])
  })

  it('that is closed registers no more', async () => {
    const { roster } = await start()
    await roster.close()
    expect(() => roster.register({ ports: [] })).toThrow('the connection is closed')
  })

  it('refuses its pods when the registry refuses the lease', async () => {
    const { roster } = await start({ leaseTtlMs: 10 })
    await expect(roster.register({ ports: [] }).ready).rejects.toThrow(/ttl_ms/)
  })
})
