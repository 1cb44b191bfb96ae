import { status } from '@grpc/grpc-js'
import type { RosterEvent } from '@roster/client'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { echo, echoMany } from '../support/echo-backend.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** A service of these pods, and a client of it that has met them all. */
async function service(...names: readonly string[]) {
  const { address } = await world.registry()
  const events: RosterEvent[] = []
  const roster = world.connect(address, { onEvent: (event) => events.push(event) })
  await applyEcho(roster)
  const pods = await Promise.all(names.map((name) => world.pod(address, name)))
  const client = world.client(roster)
  await vi.waitFor(
    async () => {
      const { answers } = await echoMany(client, 4 * names.length)
      expect([...answers.keys()].sort()).toEqual([...names].sort())
    },
    { timeout: 10_000 },
  )
  return { address, roster, client, events, backends: pods.map(({ backend }) => backend) }
}

/** Id of the endpoint a pod is. */
async function endpointOf(roster: Awaited<ReturnType<typeof service>>['roster'], name: string) {
  const { pod } = await roster.pods.getPod({ namespace: 'demo', name })
  return `${name}/${pod?.metadata?.uid}`
}

it('a pod that fails its calls is ejected, and no caller sees it', async () => {
  const { roster, client, events, backends } = await service('a', 'b', 'c')
  backends[0]!.beforeAnswer = () => {
    throw Object.assign(new Error('sick'), { code: status.UNAVAILABLE })
  }
  const errors: string[] = []
  await vi.waitFor(
    async () => {
      // Many at a time: one at a time the latency alone would keep calls from it.
      const batches = await Promise.all(Array.from({ length: 20 }, () => echoMany(client, 5)))
      errors.push(...batches.flatMap((batch) => batch.errors))
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'ejected',
          target: 'demo/echo',
          endpoint: await endpointOf(roster, 'a'),
        }),
      )
    },
    { timeout: 15_000 },
  )
  expect(errors).toEqual([])
})

it('a call names the pod it is meant for, by the uid the registry knows', async () => {
  const { roster, client, backends } = await service('a')
  const uids: unknown[] = []
  backends[0]!.onMetadata = (metadata) => uids.push(...metadata.get('roster-pod-uid'))
  await echo(client)
  expect(uids.map((uid) => `a/${uid}`)).toEqual([await endpointOf(roster, 'a')])
})

it('a pod that comes later is given calls, and the others keep their connections', async () => {
  const { address, client, backends } = await service('a', 'b')
  const { backend } = await world.pod(address, 'c')
  await vi.waitFor(
    async () => {
      expect((await echoMany(client, 50)).errors).toEqual([])
      expect(backend.calls).toBeGreaterThan(0)
    },
    { timeout: 10_000 },
  )
  expect(backends.map(({ peers }) => peers.size)).toEqual([1, 1])
})
