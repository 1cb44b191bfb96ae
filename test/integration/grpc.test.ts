import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import http2 from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serviceNames } from '@roster/proto'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { createChannel, createClient } from 'nice-grpc'
import { HealthDefinition } from 'nice-grpc-server-health'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'

let registry: RunningRegistry
let client: Clients

beforeEach(async () => {
  registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
  client = connect(registry.address)
})

afterEach(async () => {
  client.close()
  await registry.stop()
})

const run = promisify(execFile)
const bufCommand = fileURLToPath(new URL('../../node_modules/.bin/buf', import.meta.url))

/** A foreign client that knows the contract by reflection alone. */
const buf = async (...args: string[]) => {
  const { stdout } = await run(bufCommand, [
    ...['curl', '--http2-prior-knowledge', '--protocol', 'grpc'],
    ...args,
  ])
  return stdout
}

describe('reflection', () => {
  it('lists every method to a client that brings no .proto', async () => {
    const listed = await buf('--list-methods', `http://${registry.address}`)
    for (const service of serviceNames) expect(listed).toContain(`${service}/`)
    expect(listed).toContain('grpc.health.v1.Health/Check')
  })

  it.each(['grpc-v1', 'grpc-v1alpha'])('describes and calls by %s', async (protocol) => {
    const answer = await buf(
      ...['--reflect-protocol', protocol, '-d'],
      '{"service":{"metadata":{"name":"db"},"spec":{"clusterIP":"None","ports":[{"port":5432}]}}}',
      `http://${registry.address}/roster.v1.CatalogService/ApplyService`,
    )
    expect(JSON.parse(answer)).toMatchObject({
      service: { metadata: { name: 'db', namespace: 'default' }, spec: { clusterIP: 'None' } },
      outcome: 'APPLY_OUTCOME_CREATED',
    })
  })

  it('lets such a client call every method there is', async () => {
    const meta = '"metadata":{"name":"db"}'
    const pod = `{${meta},"status":{"podIPs":["10.0.0.1"]}}`
    const slice = `{"metadata":{"name":"db-1","labels":{"kubernetes.io/service-name":"db"}},"addressType":"IPv4","ports":[{"port":1}]}`
    const calls: readonly (readonly [method: string, request: string, answer: RegExp])[] = [
      ['CatalogService/ApplyService', `{"service":{${meta},"spec":{"ports":[{"port":1}]}}}`, /uid/],
      ['CatalogService/GetService', '{"name":"db"}', /clusterIP/],
      ['CatalogService/UpdateServiceStatus', '{"name":"db"}', /clusterIP/],
      ['CatalogService/ListServices', '{}', /"db"/],
      ['EndpointService/ApplyEndpointSlice', `{"endpointSlice":${slice}}`, /CREATED/],
      ['EndpointService/GetEndpointSlice', '{"name":"db-1"}', /IPv4/],
      ['EndpointService/ListEndpointSlices', '{}', /db-1/],
      ['EndpointService/ResolveEndpoints', '{"service":"db"}', /NO_HAND_WRITTEN_ENDPOINTS/],
      ['EndpointService/DeleteEndpointSlice', '{"name":"db-1"}', /revision/],
      ['PodService/RegisterPod', `{"pod":${pod}}`, /10.0.0.1/],
      ['PodService/RegisterPods', `{"pods":[${pod}]}`, /uids/],
      ['PodService/UpdatePodStatus', '{"name":"db","ready":false}', /podIPs/],
      ['PodService/OverridePod', '{"name":"db","override":{"maintenance":true}}', /revision/],
      ['PodService/GetPod', '{"name":"db"}', /maintenance/],
      ['PodService/ListPods', '{}', /"db"/],
      ['PodService/DrainPod', '{"name":"db"}', /revision/],
      ['PodService/DeregisterPod', '{"name":"db"}', /revision/],
      ['CatalogService/DeleteService', '{"name":"db"}', /revision/],
      ['LeaseService/GrantLease', '{"ttlMs":5000}', /5000/],
      ['LeaseService/KeepAlive', '{"leaseId":"none"}', /none/],
    ]
    for (const [method, request, answer] of calls) {
      const url = `http://${registry.address}/roster.v1.${method}`
      expect(await buf('-d', request, url), method).toMatch(answer)
    }
    const { leaseId } = await client.leases.grantLease({})
    const revoke = `http://${registry.address}/roster.v1.LeaseService/RevokeLease`
    expect(await buf('-d', JSON.stringify({ leaseId }), revoke)).toContain('{}')
  })

  it('streams to such a client after its one request', async () => {
    const url = `http://${registry.address}/roster.v1.EndpointService/WatchEndpoints`
    const args = ['curl', '--http2-prior-knowledge', '--protocol', 'grpc', '-d']
    const watch = spawn(bufCommand, [...args, '{"subscribe":{"service":"web"}}', url])
    let seen = ''
    watch.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString()
    })
    await eventually(() => seen.includes('EMPTY_REASON_NO_SUCH_SERVICE'))
    await client.catalog.applyService(webService('web', 'default'))
    await eventually(() => seen.includes('EMPTY_REASON_NO_SELECTOR_MATCH'))
    watch.kill()
  })
})

describe('health', () => {
  it('answers for the server and for each service', async () => {
    const channel = createChannel(registry.address)
    const health = createClient(HealthDefinition, channel)
    for (const service of ['', ...serviceNames]) {
      expect((await health.check({ service })).status).toBe(1)
    }
    channel.close()
  })
})

describe('errors', () => {
  it('name every bad field as Kubernetes does', async () => {
    const service = {
      metadata: { name: 'Web' },
      spec: { ports: [{ port: 70000, targetPort: 'http' }] },
    }
    await expect(client.catalog.applyService({ service })).rejects.toMatchObject({
      code: 3,
      extra: [
        {
          fieldViolations: [
            { field: 'metadata.name' },
            {
              field: 'spec.ports[0].port',
              description: 'Invalid value: 70000: must be between 1 and 65535, inclusive',
            },
          ],
        },
        { reason: 'INVALID', domain: 'roster.v1' },
      ],
    })
  })

  it('put the place in the batch before the field, and register none of it', async () => {
    const pods = [webPod('web-1'), { ...webPod('web-2'), metadata: { name: 'Web_2' } }]
    await expect(client.pods.registerPods({ pods })).rejects.toMatchObject({
      code: 3,
      extra: [{ fieldViolations: [{ field: 'pods[1].metadata.name' }] }, {}],
    })
    expect((await client.pods.listPods({})).pods).toEqual([])
  })

  it.each([
    ['a service', () => client.catalog.getService({ name: 'no' })],
    ['a pod', () => client.pods.getPod({ name: 'no' })],
    ['a slice', () => client.endpoints.getEndpointSlice({ name: 'no' })],
    ['a lease', () => client.leases.revokeLease({ leaseId: 'no' })],
  ])('say NOT_FOUND for %s that is not there', async (_, call) => {
    await expect(call()).rejects.toMatchObject({ code: 5 })
  })

  it('say ABORTED when the object is not at the expected revision', async () => {
    await client.catalog.applyService({ ...webService(), expectedRevision: 0 })
    await expect(
      client.catalog.applyService({ ...webService(), expectedRevision: 0 }),
    ).rejects.toMatchObject({ code: 10 })
  })

  it('answer a request of the longest names, and the next one', async () => {
    const name = 'x'.repeat(100_000)
    await expect(client.catalog.getService({ name })).rejects.toMatchObject({ code: 5 })
    const pod = { ...webPod(name), spec: { nodeName: name } }
    await expect(client.pods.registerPod({ pod })).rejects.toMatchObject({ code: 3 })
    await expect(client.endpoints.resolveEndpoints({ service: name })).rejects.toMatchObject({
      code: 3,
    })
    expect((await client.pods.listPods({})).pods).toEqual([])
  })

  it('say what is wrong with a label selector', async () => {
    await expect(client.pods.listPods({ labelSelector: 'app in (' })).rejects.toMatchObject({
      code: 3,
      extra: [{ fieldViolations: [{ field: 'label_selector' }] }, {}],
    })
  })
})

describe('apply', () => {
  it('changes nothing in a dry run and nothing when it is applied again', async () => {
    const dry = await client.catalog.applyService({ ...webService(), dryRun: true })
    expect(dry.outcome).toBe('APPLY_OUTCOME_CREATED')
    expect((await client.catalog.listServices({})).services).toEqual([])
    const first = await client.catalog.applyService(webService())
    const second = await client.catalog.applyService(webService())
    expect(second).toEqual({ service: first.service, outcome: 'APPLY_OUTCOME_UNCHANGED' })
  })

  it('gives every service its own address when many are applied at once', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `s${i}`)
    const answers = await Promise.all(
      names.map((name) => client.catalog.applyService(webService(name))),
    )
    const addresses = new Set(answers.map(({ service }) => service?.spec?.clusterIp))
    expect(addresses.size).toBe(200)
  })
})

describe('lists', () => {
  it('come in pages that hold each object once, in order', async () => {
    const pods = Array.from({ length: 95 }, (_, i) => webPod(`web-${i}`, i % 2 ? 'web' : 'api'))
    await client.pods.registerPods({ pods })
    const names: string[] = []
    let pageToken = ''
    do {
      const page = await client.pods.listPods({ labelSelector: 'app=web', pageSize: 10, pageToken })
      names.push(...page.pods.map((pod) => pod.metadata?.name ?? ''))
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    expect(names.length).toBe(47)
    expect(names).toEqual([...new Set(names)].sort())
  })

  it('come in pages that a client takes by default, however big the objects', async () => {
    const annotations = { note: 'x'.repeat(20_000) }
    for (let i = 0; i < 300; i += 50) {
      const pods = Array.from({ length: 50 }, (_, n) => {
        const pod = webPod(`web-${i + n}`)
        return { ...pod, metadata: { ...pod.metadata, annotations } }
      })
      await client.pods.registerPods({ pods })
    }
    const usual = connect(registry.address, { 'grpc.max_receive_message_length': 4 * 1024 * 1024 })
    let pods = 0
    let pageToken = ''
    do {
      const page = await usual.pods.listPods({ pageToken })
      pods += page.pods.length
      pageToken = page.nextPageToken
    } while (pageToken !== '')
    usual.close()
    expect(pods).toBe(300)
  })
})

describe('stopping', () => {
  it('lets a call finish and sends watchers elsewhere', async () => {
    const requests = (async function* () {
      yield { subscribe: { namespace: 'demo', service: 'web' } }
      await new Promise(() => undefined)
    })()
    const events = client.endpoints.watchEndpoints(requests)[Symbol.asyncIterator]()
    await events.next()
    await events.next()
    const ended = events.next().catch((error: unknown) => error)
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`)
    const calls = names.map((name) => client.catalog.applyService(webService(name)))
    // All left together: when one is answered the others have arrived.
    await Promise.race(calls)
    await Promise.all([...calls, registry.stop()])
    expect(await ended).toMatchObject({
      code: 14,
      details: 'the registry is stopping: connect again and resume',
    })
  })
})

describe('stopping with clients that do not let go', () => {
  it('waits for no health watch', async () => {
    const channel = createChannel(registry.address)
    const watch = createClient(HealthDefinition, channel)
      .watch({ service: '' })
      [Symbol.asyncIterator]()
    await watch.next()
    const startedMs = performance.now()
    const stopped = registry.stop()
    await watch
      .next()
      .then(() => watch.next())
      .catch(() => undefined)
    await stopped
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    channel.close()
  })

  it('waits for no idle reflection stream', async () => {
    const { session, stream } = open('/grpc.reflection.v1.ServerReflection/ServerReflectionInfo')
    // An empty request: the server has the call once it answers.
    stream.write(Buffer.from([0, 0, 0, 0, 2, 0x3a, 0]))
    await once(stream, 'data')
    // As every client of gRPC: a status ends the call.
    stream.on('end', () => stream.end())
    const startedMs = performance.now()
    await registry.stop()
    expect(performance.now() - startedMs).toBeLessThan(2_000)
    session.destroy()
  })

  it('waits for no peer that has not said a word, and does not hang up', async () => {
    const port = Number(registry.address.split(':').at(-1))
    const silent = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(silent, 'connect')
    // Accepted as well: that happens in the order of the connections.
    await client.catalog.listServices({})
    const startedMs = performance.now()
    await registry.stop()
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    silent.destroy()
  })

  it('cuts the connection of a call that never sends its request when the grace is over', async () => {
    const { session, stream } = open('/roster.v1.CatalogService/GetService')
    // What comes after it on the connection is answered: the server has the call.
    const after = open('/roster.v1.CatalogService/ListServices', session).stream
    after.end(Buffer.alloc(5))
    await once(after, 'data')
    const startedMs = performance.now()
    await registry.stop()
    const tookMs = performance.now() - startedMs
    expect(tookMs).toBeGreaterThan(4_000)
    expect(tookMs).toBeLessThan(8_000)
    expect(stream.destroyed || session.destroyed).toBe(true)
    session.destroy()
  })

  function open(path: string, session = http2.connect(`http://${registry.address}`)) {
    session.on('error', () => undefined)
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => undefined)
    return { session, stream }
  }
})

describe('limits', () => {
  it('answer an unknown action and a batch of the wrong size with the field', async () => {
    const requests = (async function* () {
      yield {}
    })()
    const watch = client.endpoints.watchEndpoints(requests)[Symbol.asyncIterator]()
    await expect(watch.next()).rejects.toMatchObject({ code: 3 })
    await expect(client.pods.registerPods({ pods: [] })).rejects.toMatchObject({ code: 3 })
  })

  it('bound what a watcher that never reads costs', async () => {
    await client.catalog.applyService(webService())
    const pods = Array.from({ length: 100 }, (_, i) => webPod(`web-${i}`))
    await client.pods.registerPods({ pods })
    const deaf = connect(registry.address)
    const requests = (async function* () {
      yield { subscribe: { namespace: 'demo', service: 'web' } }
      await new Promise(() => undefined)
    })()
    const events = deaf.endpoints.watchEndpoints(requests)[Symbol.asyncIterator]()
    await events.next()
    const change = (i: number) =>
      client.pods.registerPods({
        pods: pods.map((pod) => ({ ...pod, spec: { ...pod.spec, weight: i } })),
      })
    for (let i = 1; i <= 100; i++) await change(i)
    const before = process.memoryUsage().rss
    for (let i = 101; i <= 500; i++) await change(i)
    // 400 changes of 100 endpoints are 6 MB of messages for a reader.
    expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 * 1024)
    await eventually(async () => {
      const next = await events.next()
      return next.value.snapshot?.endpoints[0]?.weight === 500
    })
    deaf.close()
  })
})
