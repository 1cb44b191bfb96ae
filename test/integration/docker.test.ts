import { once } from 'node:events'
import { createServer } from 'node:net'
import { type AgentOptions, startAgent } from '@roster/agent'
import type { Pod__Output } from '@roster/proto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { RawWatcher } from '../support/raw-watcher.ts'
import { RecordedEngine } from '../support/recorded-engine.ts'
import { SdkWorld } from '../support/sdk-world.ts'

let world = new SdkWorld()
let registry: Awaited<ReturnType<SdkWorld['registry']>>
let admin: Clients
let engine: RecordedEngine
/** The port web listens at. */
let port = 0

beforeEach(async () => {
  registry = await world.registry()
  admin = connect(registry.address)
  const web = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(web, 'listening')
  port = (web.address() as { port: number }).port
  // Its container is not here, but a process of this machine that can be asked like it.
  engine = new RecordedEngine(`${await world.file()}.sock`, {
    '172.31.240.2': '127.0.0.1',
    ':8080/tcp': `:${port}/tcp`,
  })
  world.onClose(() => web.close())
})
afterEach(async () => {
  await world.close()
  admin.close()
  await engine.stop()
  world = new SdkWorld()
})

/** An agent that follows the engine and does nothing else. */
async function agent(
  docker: Partial<NonNullable<AgentOptions['docker']>> = {},
  own: Partial<AgentOptions> = {},
) {
  const running = await startAgent({
    registry: registry.address,
    logLevel: 'silent',
    node: 'n1',
    zone: 'z1',
    docker: { socketPath: engine.socketPath, ...docker },
    ...own,
  })
  world.onClose(() => running.stop())
  return running
}

const pods = async (): Promise<Pod__Output[]> => (await admin.pods.listPods({})).pods
const statusOf = async (name: string) =>
  (await pods()).find(({ metadata }) => metadata?.name.startsWith(name))?.status
const service = async (name: string) => (await admin.catalog.getService({ name })).service

/** An engine with web, an agent that follows it, and web registered. */
async function givenWeb(docker: Partial<NonNullable<AgentOptions['docker']>> = {}) {
  await engine.start()
  engine.play('web runs')
  const running = await agent(docker)
  await eventually(async () => (await statusOf('shop-web-1'))?.ready === true)
  await eventually(() => service('web'))
  return running
}

/** What a watcher is told of a service after its first answer. */
function changesOf(service: string) {
  const changes = { isOpen: false, seen: [] as unknown[] }
  const closing = new AbortController()
  world.onClose(() => closing.abort())
  async function* subscribe() {
    yield { subscribe: { service } }
  }
  const read = async () => {
    const messages = admin.endpoints.watchEndpoints(subscribe(), { signal: closing.signal })
    for await (const { snapshot, change } of messages) {
      if (changes.isOpen && (snapshot || change)) changes.seen.push(snapshot ?? change)
      changes.isOpen = true
    }
  }
  read().catch(() => {})
  return changes
}

describe('a container', () => {
  it('is a pod with the address of its network, its labels and the ports of its services', async () => {
    await givenWeb()
    const [pod, ...others] = await pods()
    expect(others).toEqual([])
    const id = pod?.metadata?.uid ?? ''
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect(pod).toMatchObject({
      metadata: {
        namespace: 'default',
        name: `shop-web-1-${id.slice(0, 12)}`,
        annotations: {
          'com.docker.compose.config-hash': expect.stringMatching(/^[0-9a-f]{64}$/),
          'com.docker.compose.project.working_dir': '/srv/shop',
        },
      },
      spec: {
        ports: [
          { name: 'http', containerPort: port, protocol: 'TCP' },
          { name: '', containerPort: 9090, protocol: 'TCP' },
        ],
        nodeName: 'n1',
        zone: 'z1',
      },
      status: { podIps: ['127.0.0.1'], phase: 'Running', terminating: false },
    })
    expect(pod?.metadata?.labels).toEqual({
      'app.kubernetes.io/instance': 'shop',
      'app.kubernetes.io/managed-by': 'roster-agent',
      'app.kubernetes.io/name': 'web',
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': 'web',
      tier: 'front',
    })
  })

  it('stands behind the service its labels describe', async () => {
    await givenWeb()
    const watcher = new RawWatcher('w', admin, { subscribe: { service: 'web' } })
    world.onClose(() => watcher.close())
    await eventually(() => watcher.ready.get('web')?.size === 1)
    expect((await service('web'))?.spec).toMatchObject({
      type: 'NodePort',
      selector: { 'app.kubernetes.io/name': 'web', 'app.kubernetes.io/instance': 'shop' },
      ports: [{ name: 'http', port: 80, targetPort: String(port), nodePort: 30_080 }],
    })
  })

  it('without HEALTHCHECK is ready when the ports of its services take connections', async () => {
    engine = new RecordedEngine(engine.socketPath, { '172.31.240.2': '127.0.0.1', ':8080/': ':1/' })
    await engine.start()
    engine.play('web runs')
    await agent()
    await eventually(async () => (await statusOf('shop-web-1'))?.ready === false)
  })

  it('with HEALTHCHECK is ready while it is healthy', async () => {
    await engine.start()
    engine.play('api runs, its health is not fine')
    await agent()
    await eventually(async () => (await statusOf('api'))?.ready === false)
    engine.play('api has good health')
    await eventually(async () => (await statusOf('api'))?.ready === true)
  })

  it('makes the service SERVICE_NAME names, as with Registrator', async () => {
    await engine.start()
    engine.play('api runs, its health is not fine')
    await agent()
    await eventually(() => service('api'))
    expect((await service('api'))?.spec?.ports).toMatchObject([
      { name: 'tcp-7000', port: 7_000, targetPort: '7000', protocol: 'TCP' },
    ])
  })
})

describe('what happens to a container', () => {
  it.each([
    ['web is told to stop', { ready: true, terminating: true, phase: 'Running' }],
    ['web is paused', { ready: false, terminating: false, phase: 'Running' }],
    ['web stops', { ready: false, terminating: false, phase: 'Failed', podIps: [] }],
  ])('%s', async (step, status) => {
    await givenWeb()
    engine.play(step)
    await eventually(async () => expect(await statusOf('shop-web')).toMatchObject(status))
  })

  it.each(['web is unpaused', 'web starts again'])('%s: it is ready again', async (step) => {
    await givenWeb()
    engine.play(step === 'web is unpaused' ? 'web is paused' : 'web stops')
    await eventually(async () => (await statusOf('shop-web'))?.ready === false)
    engine.play(step)
    await eventually(async () =>
      expect(await statusOf('shop-web')).toMatchObject({ ready: true, terminating: false }),
    )
  })

  it('a signal that ends nothing changes nothing, the stop signal of its image does', async () => {
    await givenWeb()
    engine.play('web gets SIGUSR1')
    engine.play('api has good health')
    await eventually(async () => (await statusOf('api'))?.ready === true)
    const web = await statusOf('shop-web')
    engine.play('api is told to stop')
    await eventually(async () => (await statusOf('api'))?.terminating === true)
    expect(web).toMatchObject({ ready: true, terminating: false })
  })

  it('a network it joins does not change its address', async () => {
    await givenWeb()
    engine.play('web joins another network')
    engine.play('web is renamed')
    await eventually(async () => (await statusOf('shop-web-2')) !== undefined)
    expect((await statusOf('shop-web-2'))?.podIps).toEqual(['127.0.0.1'])
  })

  it('a new name is the name of its pod, the uid stays', async () => {
    await givenWeb()
    const [before] = await pods()
    engine.play('web is renamed')
    await eventually(async () => {
      const now = await pods()
      expect(now.map(({ metadata }) => metadata?.uid)).toEqual([before?.metadata?.uid])
      expect(now[0]?.metadata?.name).toMatch(/^shop-web-2-/)
    })
  })

  it('its end takes the pod out, and leaves the service its virtual address', async () => {
    await givenWeb()
    const before = await service('web')
    engine.play('nothing runs')
    // A container that was removed says so; here it is found out by looking again.
    engine.play('web is removed')
    await eventually(async () => (await statusOf('shop-web')) === undefined)
    expect((await service('web'))?.spec?.clusterIp).toBe(before?.spec?.clusterIp)
  })

  it('is seen at the next look when no event told of it', async () => {
    await givenWeb({ relistMs: 50 })
    engine.play('nothing runs')
    await eventually(async () => (await pods()).length === 0)
  })
})

describe('a service made from labels', () => {
  it('is deleted when it has had no container for a while', async () => {
    await givenWeb({ relistMs: 50, keepServicesMs: 200 })
    engine.play('nothing runs')
    await eventually(async () => (await admin.catalog.listServices({})).services.length === 0)
  })

  it('is not what it becomes of a service that somebody else made', async () => {
    const spec = { selector: { mine: 'yes' }, ports: [{ port: 81 }] }
    await admin.catalog.applyService({ service: { metadata: { name: 'web' }, spec } })
    await engine.start()
    engine.play('web runs')
    await agent({ relistMs: 50, keepServicesMs: 50 })
    await eventually(async () => (await statusOf('shop-web'))?.ready === true)
    engine.play('nothing runs')
    await eventually(async () => (await pods()).length === 0)
    expect((await service('web'))?.spec?.selector).toEqual({ mine: 'yes' })
  })

  it('comes back when somebody deletes it', async () => {
    await givenWeb({ relistMs: 50 })
    const uid = (await service('web'))?.metadata?.uid
    await admin.catalog.deleteService({ name: 'web' })
    await eventually(async () => expect((await service('web'))?.metadata?.uid).not.toBe(uid))
  })
})

describe('an outage', () => {
  it('of the engine leaves the pods as they were, and its end brings what was missed', async () => {
    await givenWeb()
    await engine.stop()
    const before = await statusOf('shop-web-1')
    const next = new RecordedEngine(engine.socketPath, {
      '172.31.240.2': '127.0.0.1',
      ':8080/tcp': `:${port}/tcp`,
    })
    next.play('web is told to stop')
    engine = next
    await engine.start()
    await eventually(async () => (await statusOf('shop-web'))?.terminating === true)
    expect(before).toMatchObject({ ready: true, terminating: false })
  })

  it('of the agent is not seen by anybody: the next one takes the pods over', async () => {
    const first = await givenWeb()
    const changes = changesOf('web')
    await eventually(() => changes.isOpen)
    const [before] = await pods()
    await first.stop()
    await agent()
    const leaseOf = (pod?: Pod__Output) => pod?.status?.leaseId
    await eventually(async () => leaseOf((await pods())[0]) !== leaseOf(before))
    const [after] = await pods()
    expect(after?.metadata?.uid).toBe(before?.metadata?.uid)
    expect(after?.status?.lastTransitionTime).toEqual(before?.status?.lastTransitionTime)
    expect(changes.seen).toEqual([])
  })

  it('of the registry ends with pods and services in the next one, though it knows nothing', async () => {
    await givenWeb({ relistMs: 500 })
    const { address } = registry
    admin.close()
    await registry.stop()
    registry = await world.registry({ address })
    admin = connect(address)
    await eventually(async () => (await statusOf('shop-web-1'))?.ready === true)
    await eventually(() => service('web'))
  })
})

it('asks the engine for events and containers, and for nothing else', async () => {
  await givenWeb()
  const kinds = engine.asked.map((request) => request.replace(/[0-9a-f]{64}/, 'ID'))
  expect([...new Set(kinds)].toSorted()).toEqual([
    'GET /containers/ID/json',
    'GET /containers/json',
    'GET /events',
  ])
  expect(kinds[0]).toBe('GET /events')
})
