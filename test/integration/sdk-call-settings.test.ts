import * as grpc from '@grpc/grpc-js'
import type { Roster } from '@roster/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EchoService, echo, echoMany } from '../support/echo-backend.ts'
import { eventually } from '../support/eventually.ts'
import { SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

const apply = (
  roster: Roster,
  annotations: Record<string, string> = {},
  spec: Record<string, unknown> = {},
) =>
  roster.catalog.applyService({
    service: {
      metadata: { namespace: 'demo', name: 'echo', annotations },
      spec: {
        selector: { app: 'echo' },
        ports: [{ name: 'grpc', port: 80, targetPort: 'grpc' }],
        ...spec,
      },
    },
  })

const roundRobin = { 'roster.dev/load-balancing': 'round_robin' }

/**
 * Service demo/echo with these pods, and a client that has reached all of them: in
 * turn, because the other policies may leave one alone for long.
 */
async function demo(names: readonly string[], annotations: Record<string, string> = {}) {
  const { address } = await world.registry()
  const roster = world.connect(address)
  await apply(roster, { ...roundRobin, ...annotations })
  const pods = await Promise.all(names.map((name) => world.pod(address, name)))
  const client = world.client(roster)
  await untilAnswered(client, names)
  return { address, roster, client, backends: pods.map(({ backend }) => backend) }
}

const untilAnswered = (client: grpc.Client, names: readonly string[]) =>
  eventually(async () => {
    const { answers } = await echoMany(client, 8 * names.length)
    expect([...answers.keys()].sort()).toEqual([...names].sort())
  })
const isSick = () => {
  throw Object.assign(new Error('sick'), { code: grpc.status.UNAVAILABLE })
}

/** Calls with one hash key: the names of those that answer. */
async function answersToKey(client: grpc.Client, hashKey: string) {
  const names = new Set<string>()
  for (let i = 0; i < 20; i++) {
    names.add(await echo(client, { headers: { 'roster-hash-key': hashKey } }))
  }
  return [...names]
}

describe('annotations of a service', () => {
  it('change the policy of clients that run, which keep their connections', async () => {
    const { roster, client, backends } = await demo(['a', 'b', 'c'])
    await apply(roster, { 'roster.dev/load-balancing': 'maglev' })
    await eventually(async () => expect(await answersToKey(client, 'k')).toHaveLength(1))
    await apply(roster, roundRobin)
    await eventually(async () => expect(await answersToKey(client, 'k')).toHaveLength(3))
    expect(backends.map(({ peers }) => peers.size)).toEqual([1, 1, 1])
  })

  it('turn retries off and on in clients that run', async () => {
    const { roster, client, backends } = await demo(['a', 'b'], {
      'roster.dev/ejection': 'off',
    })
    backends[0]!.beforeAnswer = isSick
    expect((await echoMany(client, 10)).errors).toEqual([])
    const off = { 'roster.dev/retry': 'off', 'roster.dev/ejection': 'off' }
    await apply(roster, { ...roundRobin, ...off })
    await eventually(async () => expect((await echoMany(client, 10)).errors).toHaveLength(5))
    expect(backends.map(({ peers }) => peers.size)).toEqual([1, 1])
  })

  it('bound the endpoints that a client connects to', async () => {
    const { roster, client, backends } = await demo(['a', 'b', 'c', 'd'])
    await apply(roster, { ...roundRobin, 'roster.dev/subset-size': '2' })
    await eventually(async () => expect((await echoMany(client, 40)).answers.size).toBe(2))
    expect(backends.map(({ peers }) => peers.size)).toEqual([1, 1, 1, 1])
  })

  it('give way to what the caller wants', async () => {
    const { roster, backends } = await demo(['a', 'b'], { 'roster.dev/retry': 'off' })
    const preferences = { policy: 'round_robin', retry: {}, ejection: false } as const
    const channel = roster.channel('demo/echo', preferences)
    const insecure = grpc.credentials.createInsecure()
    const client = new grpc.Client('', insecure, { channelOverride: channel })
    await untilAnswered(client, ['a', 'b'])
    backends[0]!.beforeAnswer = isSick
    expect((await echoMany(client, 10)).errors).toEqual([])
  })
})

describe('a method that a pod calls not idempotent', () => {
  it('is not tried again when its backend dies, and others are', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await apply(roster, roundRobin)
    const own = { notIdempotentMethods: [EchoService.buy.path.slice(1)] }
    const pods = await Promise.all(['a', 'b'].map((name) => world.pod(address, name, own)))
    const client = world.client(roster)
    await untilAnswered(client, ['a', 'b'])
    const [a] = pods.map(({ backend }) => backend)
    a!.beforeAnswer = () => new Promise(() => {})
    // Half of each meet the death of their backend.
    const methods = Array.from({ length: 40 }, (_, i) => (i < 20 ? 'echo' : 'buy'))
    const before = a!.calls
    const results = Promise.allSettled(methods.map((method) => echo(client, { method })))
    await eventually(() => expect(a!.calls).toBe(before + 20))
    await a!.kill()
    const settled = await results
    const failedOf = (method: string) =>
      settled.filter(({ status }, i) => status === 'rejected' && methods[i] === method).length
    expect(failedOf('echo')).toBe(0)
    expect(failedOf('buy')).toBe(10)
  })
})

it('what a channel knows of the endpoints can be asked for', async () => {
  const { roster } = await demo(['a', 'b'])
  expect(
    roster
      .stats('demo/echo')
      .map(({ pod }) => pod)
      .sort(),
  ).toEqual(['a', 'b'])
  expect(roster.explain('demo/echo')).toContain(
    'demo/echo by round_robin: 2 endpoints, 2 connected',
  )
})

describe('a hint', () => {
  it('sends a call to one endpoint, or away from it, or nowhere else', async () => {
    const { roster, client } = await demo(['a', 'b'])
    const answersTo = async (hint: Parameters<Roster['hint']>[0]) => {
      const headers = Object.fromEntries(
        Object.entries(roster.hint(hint).getMap()).map(([name, value]) => [name, String(value)]),
      )
      const names = new Set<string>()
      for (let i = 0; i < 12; i++) names.add(await echo(client, { headers }))
      return [...names]
    }
    expect(await answersTo({ endpoint: 'b' })).toEqual(['b'])
    expect(await answersTo({ avoid: ['b'] })).toEqual(['a'])
    await expect(answersTo({ endpoint: 'c', strict: true })).rejects.toThrow('endpoint c')
  })
})

describe('endpoints near a caller', () => {
  it('are the only ones for a service whose internal traffic is local', async () => {
    const { address } = await world.registry()
    const near = world.connect(address, { node: 'n1' })
    await apply(near, {}, { internalTrafficPolicy: 'Local' })
    await world.pod(address, 'a', { node: 'n1' })
    await world.pod(address, 'b', { node: 'n2' })
    await near.ready('demo/echo')
    expect([...(await echoMany(world.client(near), 10)).answers.keys()]).toEqual(['a'])
    const lost = world.client(world.connect(address, { node: 'n3' }))
    await expect(echo(lost)).rejects.toThrow(
      'UNAVAILABLE: service demo/echo has internalTrafficPolicy Local, and none of its 2 endpoints on node n3 is ready',
    )
  })

  it('are preferred by trafficDistribution', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address, { zone: 'z1' })
    await apply(roster, {}, { trafficDistribution: 'PreferSameZone' })
    await world.pod(address, 'a', { zone: 'z1' })
    await world.pod(address, 'b', { zone: 'z2' })
    const client = world.client(roster)
    expect([...(await echoMany(client, 10)).answers.keys()]).toEqual(['a'])
    expect(roster.endpoints('demo/echo').current()?.endpoints).toHaveLength(2)
  })

  it('are the same for each caller of a service with session affinity', async () => {
    const { roster } = await demo(['a', 'b', 'c'])
    await apply(roster, {}, { sessionAffinity: 'ClientIP' })
    const client = world.client(roster)
    await eventually(async () => expect((await echoMany(client, 20)).answers.size).toBe(1))
  })
})
