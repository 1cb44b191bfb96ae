import type { RosterEvent } from '@roster/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { echo, echoMany } from '../support/echo-backend.ts'
import { eventually } from '../support/eventually.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** Pods behind demo/echo that do not come back by themselves when the registry forgets them. */
async function registerByHand(address: string, ...names: string[]) {
  const roster = world.connect(address)
  await applyEcho(roster)
  const backends = await Promise.all(names.map((name) => world.backend(name)))
  for (const { name, port } of backends) {
    await roster.pods.registerPod({
      pod: {
        metadata: { namespace: 'demo', name, labels: { app: 'echo' } },
        spec: { ports: [{ name: 'grpc', containerPort: port }] },
        status: { podIps: ['127.0.0.1'] },
      },
    })
  }
  return backends
}

describe('a snapshot file', () => {
  it('lets a process call services that starts while the registry is down', async () => {
    const registry = await world.registry()
    const { address } = registry
    const snapshotFile = `${await world.file()}.json`
    await registerByHand(address, 'a')
    const former = world.connect(address, { snapshotFile })
    await former.ready('demo/echo')
    await former.close()
    await registry.stop()
    const roster = world.connect(address, { snapshotFile })
    const began = performance.now()
    expect(await echo(world.client(roster))).toBe('a')
    expect(performance.now() - began).toBeGreaterThan(250)
  })

  it('is not waited for when the registry answers', async () => {
    const { address } = await world.registry()
    const snapshotFile = `${await world.file()}.json`
    const [a] = await registerByHand(address, 'a')
    const former = world.connect(address, { snapshotFile })
    await former.ready('demo/echo')
    await former.close()
    const roster = world.connect(address, { snapshotFile, staleGraceMs: 60_000 })
    expect(await echo(world.client(roster))).toBe('a')
    expect(a!.calls).toBe(1)
  })

  it('gives way to what the registry says when it is back', async () => {
    const file = await world.file()
    const first = await world.registry({ file })
    const { address } = first
    const snapshotFile = `${file}.json`
    await registerByHand(address, 'a', 'b')
    const former = world.connect(address, { snapshotFile })
    await former.ready('demo/echo')
    await former.close()
    const operator = world.connect(address)
    await operator.pods.deregisterPod({ namespace: 'demo', name: 'b' })
    await first.stop()
    const roster = world.connect(address, { snapshotFile })
    const client = world.client(roster)
    await eventually(async () => expect((await echoMany(client, 8)).answers.size).toBe(2))
    await world.registry({ file, address })
    await eventually(async () =>
      expect([...(await echoMany(client, 8)).answers.keys()]).toEqual(['a']),
    )
    expect(roster.staleness('demo/echo')).toBeLessThan(10_000)
  })
})

describe('a registry that comes back without its data', () => {
  it('fails no call, and its losses are reported', async () => {
    const first = await world.registry()
    const { address } = first
    await registerByHand(address, 'a', 'b', 'c')
    const events: RosterEvent[] = []
    const roster = world.connect(address, { onEvent: (event) => events.push(event) })
    const client = world.client(roster)
    await echo(client)
    await first.stop()
    await world.registry({ address })
    await eventually(() => expect(events.map(({ type }) => type)).toContain('protected'))
    const { answers, errors } = await echoMany(client, 30)
    expect(errors).toEqual([])
    expect([...answers.keys()].sort()).toEqual(['a', 'b', 'c'])
    expect(events.find(({ type }) => type === 'protected')).toMatchObject({
      namespace: 'demo',
      service: 'echo',
      endpoints: 3,
    })
  })
})

describe('what a registry did not confirm for long', () => {
  it('is known by its staleness', async () => {
    const { address } = await world.registry()
    await registerByHand(address, 'a')
    const roster = world.connect(address)
    expect(roster.staleness('demo/echo')).toBeUndefined()
    await echo(world.client(roster))
    expect(roster.staleness('demo/echo')).toBeGreaterThanOrEqual(0)
    expect(roster.staleness('demo/echo')).toBeLessThan(6_000)
  })
})

describe('a watch', () => {
  it('stands again soon after its registry has restarted', async () => {
    const file = await world.file()
    const first = await world.registry({ file })
    const { address } = first
    await registerByHand(address, 'a')
    const events: string[] = []
    const roster = world.connect(address, { onEvent: ({ type }) => events.push(type) })
    await roster.ready('demo/echo')
    const client = world.client(roster)
    await echo(client)
    await first.stop()
    await world.registry({ file, address })
    events.length = 0
    await eventually(() => expect(events).toContain('watching'), 5_000)
  })
})
