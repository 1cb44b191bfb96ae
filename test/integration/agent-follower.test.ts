import { Follower, type FollowerOptions, type ServiceChange, SnapshotFile } from '@roster/agent'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { SdkWorld } from '../support/sdk-world.ts'

const log = pino({ level: 'silent' })
let world = new SdkWorld()
afterEach(async () => {
  await world.close()
  world = new SdkWorld()
})

/** A follower, and every change it told. */
function follow(address: string, own: Partial<FollowerOptions> = {}) {
  const roster = world.connect(address)
  const follower = new Follower({ roster, name: 'agent/test', log, ...own })
  world.onClose(() => follower.close())
  const changes: ServiceChange[] = []
  follower.subscribe((change) => changes.push(change))
  return { follower, changes, names: () => [...follower.sets.keys()].sort() }
}

const apply = (address: string, name: string) =>
  world.connect(address).catalog.applyService({
    service: { metadata: { namespace: 'demo', name }, spec: { ports: [{ port: 80 }] } },
  })

const remove = (address: string, name: string) =>
  world.connect(address).catalog.deleteService({ namespace: 'demo', name })

const addEndpoint = (address: string, service: string, ip: string) =>
  world.connect(address).endpointService.applyEndpointSlice({
    endpointSlice: {
      metadata: {
        namespace: 'demo',
        name: `${service}-${ip.replaceAll('.', '-')}`,
        labels: { 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: [ip] }],
      ports: [{ port: 8080 }],
    },
  })

describe('a follower', () => {
  it('knows every service, those to come included, until it is deleted', async () => {
    const { address } = await world.registry()
    await apply(address, 'first')
    const { follower, names } = follow(address)
    await eventually(() => expect(names()).toEqual(['demo/first']))
    await apply(address, 'second')
    await eventually(() => expect(names()).toEqual(['demo/first', 'demo/second']))
    await remove(address, 'first')
    await eventually(() => expect(names()).toEqual(['demo/second']))
    expect(follower.isSynced).toBe(true)
  })

  it('is synced with an empty registry, and tells so', async () => {
    const { address } = await world.registry()
    const { follower, changes } = follow(address)
    await eventually(() => expect(follower.isSynced).toBe(true))
    expect(changes.at(-1)).toEqual({ changed: [], removed: [] })
  })

  it('tells a listener everything there is, then what changes', async () => {
    const { address } = await world.registry()
    await apply(address, 'web')
    const { follower } = follow(address)
    await eventually(() => expect(follower.sets.size).toBe(1))
    const told: string[][] = []
    follower.subscribe(({ changed }) => told.push(changed.map(({ service }) => service)))
    expect(told).toEqual([])
    await apply(address, 'db')
    await eventually(() => expect(told).toEqual([['web'], ['db']]))
  })

  it('acknowledges what its listeners have applied: a drain waits for it', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await apply(address, 'web')
    const { follower } = follow(address)
    await eventually(() => expect(follower.sets.size).toBe(1))
    await roster.catalog.applyService({
      service: {
        metadata: { namespace: 'demo', name: 'web' },
        spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
      },
    })
    const pod = {
      namespace: 'demo',
      name: 'web-1',
      labels: { app: 'web' },
      addresses: ['127.0.0.1'],
    }
    await roster.register({ ...pod, ports: [{ containerPort: 8080 }] }).ready
    await eventually(() => expect(follower.sets.get('demo/web')?.endpoints.length).toBe(1))
    const { laggards, watchers } = await roster.pods.drainPod({
      namespace: 'demo',
      name: 'web-1',
      timeoutMs: 3_000,
    })
    expect([laggards, watchers]).toEqual([[], 1])
    expect(follower.sets.get('demo/web')?.endpoints[0]?.ready).toBe(false)
  })

  it('finds out what was deleted and added while the registry was away', async () => {
    const file = await world.file()
    const first = await world.registry({ file })
    for (const name of ['kept', 'gone']) await apply(first.address, name)
    const { follower, names } = follow(first.address)
    await eventually(() => expect(follower.sets.size).toBe(2))
    await first.stop()
    const aside = await world.registry({ file })
    await remove(aside.address, 'gone')
    await apply(aside.address, 'new')
    await aside.stop()
    expect(names()).toEqual(['demo/gone', 'demo/kept'])
    await world.registry({ file, address: first.address })
    await eventually(() => expect(names()).toEqual(['demo/kept', 'demo/new']))
  })

  it('begins with its snapshot when there is no registry', async () => {
    const path = `${await world.file()}.json`
    const registry = await world.registry()
    await apply(registry.address, 'web')
    const first = follow(registry.address, { snapshot: new SnapshotFile(path, log) })
    await eventually(() => expect(first.follower.sets.size).toBe(1))
    await first.follower.close()
    await registry.stop()

    const second = follow(registry.address, { snapshot: new SnapshotFile(path, log) })
    expect([second.follower.isSynced, second.names()]).toEqual([true, ['demo/web']])
    await eventually(() =>
      expect(second.changes[0]?.changed.map(({ service }) => service)).toEqual(['web']),
    )
  })

  it('does not believe another registry that knows much less, at first', async () => {
    const full = await world.registry()
    await apply(full.address, 'web')
    for (const ip of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      await addEndpoint(full.address, 'web', ip)
    }
    const { follower, names } = follow(full.address, { holdMs: 1_500 })
    await eventually(() => expect(follower.sets.get('demo/web')?.endpoints.length).toBe(3))
    await full.stop()
    const empty = await world.registry({ address: full.address })
    const startMs = performance.now()
    await apply(empty.address, 'other')
    await eventually(() => expect(names()).toEqual(['demo/other']))
    expect(performance.now() - startMs).toBeGreaterThan(1_000)
  })

  it('believes another registry at once when that knows as much', async () => {
    const first = await world.registry()
    await apply(first.address, 'web')
    await addEndpoint(first.address, 'web', '10.0.0.1')
    const { follower } = follow(first.address, { holdMs: 60_000 })
    await eventually(() => expect(follower.sets.get('demo/web')?.endpoints.length).toBe(1))
    await first.stop()
    const second = await world.registry({ address: first.address })
    await apply(second.address, 'web')
    await addEndpoint(second.address, 'web', '10.0.0.2')
    await eventually(() =>
      expect(follower.sets.get('demo/web')?.endpoints[0]?.addresses).toEqual(['10.0.0.2']),
    )
  })
})
