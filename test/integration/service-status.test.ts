import type { WatchEndpointsResponse__Output } from '@roster/proto'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'

const WEB = { namespace: 'demo', name: 'web' }
const STATUS = { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } }
const STORED = { loadBalancer: { ingress: [{ ip: '203.0.113.9', hostname: '', ipMode: 'VIP' }] } }

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

/** Applies the service `web` as one of a type. */
const apply = (type: string) => {
  const { service } = webService()
  return client.catalog.applyService({ service: { ...service, spec: { ...service.spec, type } } })
}

describe('the status of a service', () => {
  it('is stored with its defaults, and stays when it is written again', async () => {
    await apply('LoadBalancer')
    const { service } = await client.catalog.updateServiceStatus({ ...WEB, status: STATUS })
    const again = await client.catalog.updateServiceStatus({ ...WEB, status: STATUS })
    expect(service?.status).toEqual(STORED)
    expect(again.service).toEqual(service)
    expect((await client.catalog.getService(WEB)).service).toEqual(service)
  })

  it('is left alone by an apply, and wiped when the type is no longer LoadBalancer', async () => {
    await apply('LoadBalancer')
    await client.catalog.updateServiceStatus({ ...WEB, status: STATUS })
    const applied = await apply('LoadBalancer')
    const { service } = await apply('ClusterIP')
    expect(applied).toMatchObject({
      outcome: 'APPLY_OUTCOME_UNCHANGED',
      service: { status: STORED },
    })
    expect(service?.status).toEqual({ loadBalancer: { ingress: [] } })
  })

  it('is emptied by a request without one', async () => {
    await apply('LoadBalancer')
    await client.catalog.updateServiceStatus({ ...WEB, status: STATUS })
    const { service } = await client.catalog.updateServiceStatus(WEB)
    expect(service?.status).toEqual({ loadBalancer: { ingress: [] } })
  })

  it('is told to watchers in a snapshot that still has the endpoints', async () => {
    await apply('LoadBalancer')
    await client.pods.registerPod({ pod: webPod('web-1') })
    const requests = (async function* () {
      yield { subscribe: { namespace: 'demo', service: 'web' } }
    })()
    const messages = client.endpoints.watchEndpoints(requests)[Symbol.asyncIterator]()
    const next = async (): Promise<WatchEndpointsResponse__Output> => (await messages.next()).value
    await next()
    expect((await next()).bookmark).toBeTruthy()
    const { service } = await client.catalog.updateServiceStatus({ ...WEB, status: STATUS })
    const { revision, snapshot } = await next()
    expect(revision).toBe(service?.metadata?.revision)
    expect(snapshot?.definition?.status).toEqual(STORED)
    expect(snapshot?.endpoints.map((endpoint) => endpoint.pod)).toEqual(['web-1'])
  })

  it('is not written at another revision than the expected one', async () => {
    const { service } = await apply('LoadBalancer')
    const expectedRevision = service?.metadata?.revision ?? 0
    await client.catalog.updateServiceStatus({ ...WEB, status: STATUS, expectedRevision })
    await expect(
      client.catalog.updateServiceStatus({ ...WEB, expectedRevision }),
    ).rejects.toMatchObject({ code: 10 })
    expect((await client.catalog.getService(WEB)).service?.status).toEqual(STORED)
  })

  it('of a service there is not is NOT_FOUND', async () => {
    await expect(client.catalog.updateServiceStatus(WEB)).rejects.toMatchObject({ code: 5 })
  })

  it('that is wrong is refused by its field', async () => {
    await apply('LoadBalancer')
    const status = { loadBalancer: { ingress: [{ ip: 'here' }] } }
    await expect(client.catalog.updateServiceStatus({ ...WEB, status })).rejects.toMatchObject({
      code: 3,
      extra: [{ fieldViolations: [{ field: 'status.loadBalancer.ingress[0].ip' }] }, {}],
    })
  })
})
