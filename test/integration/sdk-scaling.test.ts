import type * as grpc from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { echo, echoMany } from '../support/echo-backend.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** Callers that call without a pause until they are told to stop. */
function load(client: grpc.Client, callers: number) {
  const running = { is: true }
  // A test that fails must not leave its callers calling a closed client.
  world.onClose(() => {
    running.is = false
  })
  const errors: string[] = []
  let calls = 0
  const done = Promise.all(
    Array.from({ length: callers }, async () => {
      while (running.is) {
        await echo(client).catch((error) => errors.push(String(error)))
        calls += 1
      }
    }),
  )
  return {
    get calls() {
      return calls
    },
    async stop() {
      running.is = false
      await done
      return { calls, errors }
    },
  }
}

/** Calls until these pods answer, all of them and no other. */
const untilAnswered = (client: grpc.Client, names: readonly string[]) =>
  vi.waitFor(
    async () => {
      const { answers } = await echoMany(client, 24)
      expect([...answers.keys()].sort()).toEqual(names)
    },
    { timeout: 10_000 },
  )

describe('a service under load', () => {
  it('goes from three pods to six to two without a failed call', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const pods = await Promise.all(['a', 'b', 'c'].map((name) => world.pod(address, name)))
    const client = world.client(roster)
    await roster.ready('demo/echo')
    const calls = load(client, 10)
    pods.push(...(await Promise.all(['d', 'e', 'f'].map((name) => world.pod(address, name)))))
    await untilAnswered(client, ['a', 'b', 'c', 'd', 'e', 'f'])
    await Promise.all(pods.slice(0, 4).map(({ registration }) => registration.drain()))
    await untilAnswered(client, ['e', 'f'])
    const before = calls.calls
    await vi.waitFor(() => expect(calls.calls).toBeGreaterThan(before + 100))
    expect((await calls.stop()).errors).toEqual([])
  })

  it('keeps its connections when a pod only changes its weight', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const { backend } = await world.pod(address, 'a')
    const client = world.client(roster)
    await echo(client)
    const known = roster.endpoints('demo/echo')
    for (const weight of [1, 2, 3]) {
      await roster.pods.updatePodStatus({ namespace: 'demo', name: 'a', weight })
      await vi.waitFor(() => expect(known.current()?.endpoints[0]?.weight).toBe(weight))
      await echo(client)
    }
    expect(backend.peers.size).toBe(1)
  })
})

describe('a pod that drains', () => {
  it('answers the calls it has, takes no more, and is gone afterwards', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const { backend, registration } = await world.pod(address, 'a')
    let release = () => {}
    backend.beforeAnswer = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const slow = echo(world.client(roster))
    await vi.waitFor(() => expect(backend.calls).toBe(1))
    const drained = registration.drain()
    await vi.waitFor(async () => {
      const { pod } = await roster.pods.getPod({ namespace: 'demo', name: 'a' })
      expect(pod?.status?.terminating).toBe(true)
    })
    release()
    expect(await slow).toBe('a')
    await drained
    expect((await roster.pods.listPods({ namespace: 'demo' })).pods).toEqual([])
  })

  it('cancels what is left when the grace is over', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const drain = { propagateMs: 0, graceMs: 100 }
    const { backend, registration } = await world.pod(address, 'a', { drain })
    backend.beforeAnswer = () => new Promise(() => {})
    const stuck = echo(world.client(roster)).catch((error: unknown) => String(error))
    await vi.waitFor(() => expect(backend.calls).toBe(1))
    await registration.drain()
    expect(await stuck).toMatch(/UNAVAILABLE|CANCELLED|INTERNAL/)
  })

  it('serves on while it is the last, and then the service says why it is empty', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    const { registration } = await world.pod(address, 'a')
    const client = world.client(roster)
    await echo(client)
    await registration.drain()
    await vi.waitFor(() =>
      expect(echo(client)).rejects.toThrow('service demo/echo has no endpoints: scaled to zero'),
    )
    const waiting = echo(client, { waitForReady: true })
    await world.pod(address, 'b')
    expect(await waiting).toBe('b')
  })
})
