import { RosterError } from '@roster/client'
import { createClient } from 'nice-grpc'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EchoService, echo, echoMany } from '../support/echo-backend.ts'
import { applyEcho, podOf, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

async function demo() {
  const { address } = await world.registry()
  const roster = world.connect(address)
  await applyEcho(roster)
  return { address, roster }
}

describe('a pod that registers', () => {
  it('is called by a grpc-js client that only knows the name', async () => {
    const { address, roster } = await demo()
    await world.pod(address, 'a')
    expect(await echo(world.client(roster))).toBe('a')
  })

  it('is called by a nice-grpc client that only knows the name', async () => {
    const { address, roster } = await demo()
    await world.pod(address, 'a')
    const client = createClient(EchoService, roster.channel('demo/echo'))
    expect(await client.echo({ name: 'whoever' })).toEqual({ name: 'a' })
  })

  it('is called by the port of its service', async () => {
    const { address, roster } = await demo()
    await world.pod(address, 'a')
    expect(await echo(world.client(roster, 'roster:///demo/echo:80'))).toBe('a')
    expect(await echo(world.client(roster, 'roster:///demo/echo:grpc'))).toBe('a')
  })

  it('is at the address this machine has toward the registry, unless it says otherwise', async () => {
    const { address, roster } = await demo()
    await world.pod(address, 'a')
    const { pod } = await roster.pods.getPod({ namespace: 'demo', name: 'a' })
    expect(pod?.status?.podIps).toEqual(['127.0.0.1'])
  })

  it('gets no call while it is not ready', async () => {
    const { address, roster } = await demo()
    const { registration } = await world.pod(address, 'a')
    await world.pod(address, 'b')
    const client = world.client(roster)
    await registration.setReady(false)
    await vi.waitFor(async () => {
      expect([...(await echoMany(client, 10)).answers.keys()]).toEqual(['b'])
    })
    await registration.setReady(true)
    await vi.waitFor(async () => {
      expect((await echoMany(client, 10)).answers.size).toBe(2)
    })
  })

  it('waits for a registry that is not there yet', async () => {
    const first = await world.registry()
    await first.stop()
    const backend = await world.backend('a')
    const pod = world.connect(first.address).register(podOf(backend))
    const { address } = await world.registry({ address: first.address })
    await pod.ready
    const { pods } = await world.connect(address).pods.listPods({ namespace: 'demo' })
    expect(pods.map(({ metadata }) => metadata?.uid)).toEqual([pod.uid])
  })

  it('learns which of its fields the registry refuses', async () => {
    const { address } = await demo()
    const registration = world
      .connect(address, { onEvent: () => {} })
      .register({ namespace: 'demo', name: 'Not_A_Name', ports: [], addresses: ['127.0.0.1'] })
    const error = await registration.ready.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(RosterError)
    expect(error).toMatchObject({
      code: 'INVALID',
      retryable: false,
      violations: [{ field: 'metadata.name' }],
    })
  })

  it('does not keep the others of its process from being registered when it is refused', async () => {
    const { address, roster } = await demo()
    const own = world.connect(address, { onEvent: () => {} })
    own.register({ name: 'Not_A_Name', ports: [], addresses: ['127.0.0.1'] })
    const good = own.register(podOf(await world.backend('a')))
    await good.ready
    expect(await echo(world.client(roster))).toBe('a')
  })

  it('is gone when its connection closes', async () => {
    const { address, roster } = await demo()
    const { roster: own } = await world.pod(address, 'a')
    await own.close()
    expect((await roster.pods.listPods({ namespace: 'demo' })).pods).toEqual([])
  })
})

describe('the endpoints of a service', () => {
  it('can be watched without grpc', async () => {
    const { address, roster } = await demo()
    const seen: string[][] = []
    for await (const { endpoints } of roster.endpoints('demo/echo').watch()) {
      seen.push(endpoints.map(({ pod }) => pod).sort())
      if (seen.length === 1) await world.pod(address, 'a')
      else if (seen.length === 2) await world.pod(address, 'b')
      else break
    }
    expect(seen).toEqual([[], ['a'], ['a', 'b']])
  })

  it('are known at once while somebody watches', async () => {
    const { address, roster } = await demo()
    await world.pod(address, 'a')
    const view = roster.endpoints('demo/echo')
    expect(view.current()).toBeUndefined()
    await echo(world.client(roster))
    expect(view.current()?.endpoints.map(({ pod }) => pod)).toEqual(['a'])
  })

  it('make a target ready', async () => {
    const { address, roster } = await demo()
    const ready = roster.ready('demo/echo')
    await world.pod(address, 'a')
    await expect(ready).resolves.toBeUndefined()
  })

  it('say what is missing when a target is not ready in time', async () => {
    const { roster } = await demo()
    await expect(roster.ready('demo/echo', { timeoutMs: 300 })).rejects.toThrow(
      'not ready after 300 ms: service demo/echo has no endpoints: no pod has the labels',
    )
  })
})

it('an error of the registry keeps its code', async () => {
  const { roster } = await demo()
  await expect(roster.catalog.getService({ name: 'nowhere' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    retryable: false,
  })
})

it('a registry that cannot be reached is named', async () => {
  const { address, stop } = await world.registry()
  await stop()
  await expect(world.connect(address).pods.listPods({})).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
    message: expect.stringContaining(`registry ${address}`),
  })
})
