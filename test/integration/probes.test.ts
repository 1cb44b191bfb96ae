import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pod } from '@roster/proto'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteStore } from '../../server/src/store/sqlite/sqlite-store.ts'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { freePort, type Listener, listening } from '../support/listeners.ts'

let directory: string
let registry: RunningRegistry
let client: Clients
let app: Application

/** A program behind a pod: answers /NAME for each of its pods with its status of now. */
interface Application extends Listener {
  status: number
  /** Probes that came, by path. */
  readonly calls: Map<string, number>
}

async function startApplication(): Promise<Application> {
  const calls = new Map<string, number>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    calls.set(path, (calls.get(path) ?? 0) + 1)
    response.writeHead(application.status).end()
  })
  const application: Application = { ...(await listening(server)), status: 200, calls }
  return application
}

const start = async (more: { readonly dialBack?: boolean } = {}) => {
  const data = join(directory, 'roster.db')
  registry = await startRegistry({ data, listen: '127.0.0.1:0', logLevel: 'silent', ...more })
  client = connect(registry.address)
}

const stop = async () => {
  client.close()
  await registry.stop()
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'roster-probes-'))
  app = await startApplication()
  await start()
  await client.catalog.applyService(webService())
})

afterEach(async () => {
  await stop()
  await app.close()
  rmSync(directory, { recursive: true })
})

/** A pod of the application, probed every second. */
const probedPod = (name: string, more: { uid?: string; port?: number } = {}): Pod => {
  const pod = webPod(name)
  const { uid = randomUUID(), port = app.port } = more
  const httpGet = { path: `/${name}`, port: 'http' }
  return {
    ...pod,
    metadata: { ...pod.metadata, uid },
    spec: {
      ports: [{ name: 'http', containerPort: port }],
      readinessProbe: { httpGet, periodSeconds: 1, failureThreshold: 2 },
    },
  }
}

const named = (name: string) => ({ namespace: 'demo', name })

const isReady = async (): Promise<boolean | undefined> => {
  const answer = await client.endpoints.resolveEndpoints({ namespace: 'demo', service: 'web' })
  return answer.endpointSet?.endpoints[0]?.ready
}

const condition = async (name: string, type: string) => {
  const { pod } = await client.pods.getPod(named(name))
  return pod?.status?.conditions.find((one) => one.type === type)
}

/** What a watcher of demo/web hears of readiness, until `count` changes of it have come. */
async function readinessHeard(count: number): Promise<readonly boolean[]> {
  const heard: boolean[] = []
  const aborter = new AbortController()
  const requests = (async function* () {
    yield { subscribe: { namespace: 'demo', service: 'web' } }
  })()
  const events = client.endpoints.watchEndpoints(requests, { signal: aborter.signal })
  for await (const { snapshot, change } of events) {
    const endpoints = snapshot?.endpoints ?? [...(change?.added ?? []), ...(change?.changed ?? [])]
    for (const { ready } of endpoints) if (ready !== heard.at(-1)) heard.push(ready)
    if (heard.length === count) break
  }
  aborter.abort()
  return heard
}

const marks = async (): Promise<readonly string[]> => {
  const store = openSqliteStore({ file: join(directory, 'roster.db') })
  const { entries } = await store.list('probed/')
  const keys = [...entries].map(({ key }) => key)
  await store.close()
  return keys
}

describe('a pod with a readiness probe', () => {
  it('is ready when its server answers well, and no more when it does not, and watchers hear it', async () => {
    app.status = 503
    await client.pods.registerPod({ pod: probedPod('web-1') })
    const heard = readinessHeard(3)
    expect(await isReady()).toBe(false)
    await eventually(async () => (await condition('web-1', 'Probed'))?.status === 'False')
    app.status = 200
    await eventually(isReady)
    app.status = 404
    expect(await heard).toEqual([false, true, false])
    expect(await condition('web-1', 'Probed')).toMatchObject({
      status: 'False',
      reason: 'HTTPStatus',
      message: `GET http://127.0.0.1:${app.port}/web-1: answered 404`,
    })
  })

  it('costs the store nothing while its probes come out the same', async () => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    const { revision } = await client.pods.listPods({})
    const calls = app.calls.get('/web-1') ?? 0
    await eventually(() => (app.calls.get('/web-1') ?? 0) >= calls + 2)
    expect((await client.pods.listPods({})).revision).toBe(revision)
  })

  it('is ready only when it says so itself as well', async () => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    await client.pods.updatePodStatus({ ...named('web-1'), ready: false })
    expect(await isReady()).toBe(false)
    expect(await condition('web-1', 'Probed')).toMatchObject({ status: 'True' })
  })

  it('says that nothing is decided before its first probe', async () => {
    const pod = probedPod('web-1')
    pod.spec!.readinessProbe!.initialDelaySeconds = 3_000_000
    const answer = await client.pods.registerPod({ pod })
    expect(answer.pod?.spec?.readinessProbe).toMatchObject({ periodSeconds: 1, timeoutSeconds: 1 })
    expect(await condition('web-1', 'Probed')).toMatchObject({ status: 'Unknown' })
  })

  it('stays ready through a restart of the registry, until enough probes fail', async () => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    await stop()
    app.status = 503
    await start()
    expect(await isReady()).toBe(true)
    await eventually(async () => (await isReady()) === false)
    expect(app.calls.get('/web-1')).toBeGreaterThanOrEqual(3)
  })

  it('keeps what its probe found when it registers again as the same, under another lease too', async () => {
    const pod = probedPod('web-1')
    const first = await client.leases.grantLease({})
    const second = await client.leases.grantLease({})
    await client.pods.registerPod({ pod, leaseId: first.leaseId })
    await eventually(isReady)
    app.status = 503
    await client.pods.registerPod({ pod, leaseId: second.leaseId })
    expect(await isReady()).toBe(true)
    await client.leases.revokeLease(first)
    expect(await isReady()).toBe(true)
  })

  it('starts anew in a new life', async () => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    app.status = 503
    await client.pods.registerPod({ pod: probedPod('web-1') })
    expect(await isReady()).toBe(false)
    expect(await condition('web-1', 'Probed')).toMatchObject({ status: 'Unknown' })
  })

  it('starts anew with another probe', async () => {
    const pod = probedPod('web-1')
    await client.pods.registerPod({ pod })
    await eventually(isReady)
    app.status = 503
    pod.spec!.readinessProbe!.successThreshold = 2
    await client.pods.registerPod({ pod })
    expect(await isReady()).toBe(false)
  })

  it('is not probed while it is terminating, and keeps what was found', async () => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    await client.pods.updatePodStatus({ ...named('web-1'), terminating: true })
    const calls = app.calls.get('/web-1')
    await client.pods.registerPod({ pod: probedPod('web-2') })
    await eventually(() => (app.calls.get('/web-2') ?? 0) >= 3)
    expect(app.calls.get('/web-1')).toBe(calls)
    expect(await condition('web-1', 'Probed')).toMatchObject({ status: 'True' })
  })

  it.each([
    ['is deregistered', (name: string) => client.pods.deregisterPod(named(name))],
    ['has no probe any more', (name: string) => client.pods.registerPod({ pod: webPod(name) })],
  ])('leaves no mark behind when it %s', async (_, leave) => {
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await client.pods.registerPod({ pod: probedPod('web-2') })
    for (const name of ['web-1', 'web-2']) {
      await eventually(async () => (await condition(name, 'Probed'))?.status === 'True')
    }
    const { revision } = await client.pods.listPods({})
    await leave('web-1')
    await eventually(async () => (await client.pods.listPods({})).revision === revision + 2)
    await stop()
    expect(await marks()).toEqual(['probed/demo/web-2'])
    await start()
  })

  it('leaves no mark behind when its lease ends', async () => {
    const { leaseId } = await client.leases.grantLease({})
    await client.pods.registerPod({ pod: probedPod('web-1'), leaseId })
    await eventually(isReady)
    const { revision } = await client.pods.listPods({})
    await client.leases.revokeLease({ leaseId })
    await eventually(async () => (await client.pods.listPods({})).revision === revision + 2)
    await stop()
    expect(await marks()).toEqual([])
    await start()
  })

  it('is told what is wrong with the probe by field', async () => {
    const pod = probedPod('web-1')
    pod.spec!.readinessProbe!.httpGet!.port = '0'
    await expect(client.pods.registerPod({ pod })).rejects.toMatchObject({
      code: 3,
      details: 'Pod "web-1" is invalid: spec.readinessProbe.httpGet.port: Required value',
    })
  })
})

describe('pods that are held because too many expired at once', () => {
  const registerThree = async (port: number) => {
    const { leaseId } = await client.leases.grantLease({ ttlMs: 1000 })
    const pods = ['web-1', 'web-2', 'web-3'].map((name) => probedPod(name, { port }))
    await client.pods.registerPods({ pods, leaseId })
  }
  const isHeld = async () => {
    const { pod } = await client.pods.getPod(named('web-1'))
    return pod?.status?.held === true
  }

  it('are let go when their probes prove them dead', async () => {
    await registerThree(await freePort())
    await eventually(isHeld)
    await eventually(async () => (await client.pods.listPods({})).pods.length === 0)
  })

  it('stay when their probes hear nothing: that may be the network of the registry', async () => {
    let calls = 0
    const silent = await listening(createServer(() => calls++))
    await registerThree(silent.port)
    await eventually(isHeld)
    const before = calls
    await eventually(() => calls >= before + 18)
    expect(await isHeld()).toBe(true)
    await silent.close()
  })

  it('stay when their probes are answered', async () => {
    await registerThree(app.port)
    await eventually(isHeld)
    const calls = app.calls.get('/web-1') ?? 0
    await eventually(() => (app.calls.get('/web-1') ?? 0) >= calls + 6)
    expect(await isHeld()).toBe(true)
  })
})

describe('a pod that registers', () => {
  const podAt = (port: number): Pod => ({
    ...webPod('web-1'),
    spec: { ports: [{ containerPort: 1, protocol: 'UDP' }, { containerPort: port }] },
  })
  const reachable = () => condition('web-1', 'Reachable')

  it('is connected to once, at its first TCP port', async () => {
    await client.pods.registerPod({ pod: podAt(app.port) })
    await eventually(async () => (await reachable())?.status === 'True')
    expect(await reachable()).toMatchObject({ message: `tcp 127.0.0.1:${app.port}: connected` })
  })

  it('learns the address that was tried and the usual cause when nobody listens, and serves all the same', async () => {
    const port = await freePort()
    await client.pods.registerPod({ pod: podAt(port) })
    await eventually(async () => (await reachable())?.status === 'False')
    const { reason, message } = (await reachable())!
    expect(reason).toBe('ConnectionRefused')
    expect(message).toContain(`tcp 127.0.0.1:${port}: connection refused`)
    expect(message).toContain('a loopback address reaches only the machine it is used on')
    expect(await isReady()).toBe(true)
  })

  it('is tried again at a new address', async () => {
    await client.pods.registerPod({ pod: podAt(await freePort()) })
    await eventually(async () => (await reachable())?.status === 'False')
    await client.pods.registerPod({ pod: podAt(app.port) })
    await eventually(async () => (await reachable())?.status === 'True')
  })

  it('is left alone where the registry does not dial back', async () => {
    await stop()
    await start({ dialBack: false })
    // As long as a probe takes, a dial would have come long before.
    await client.pods.registerPod({ pod: probedPod('web-1') })
    await eventually(isReady)
    await eventually(() => (app.calls.get('/web-1') ?? 0) >= 2)
    expect(await reachable()).toBeUndefined()
  })
})
