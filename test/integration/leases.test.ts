import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clients, connect, webPod, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'

let registry: RunningRegistry
let admin: Clients

beforeEach(async () => {
  registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
  admin = connect(registry.address)
  await admin.catalog.applyService(webService())
})

afterEach(async () => {
  admin.close()
  await registry.stop()
})

const endpoints = async () =>
  (await admin.endpoints.resolveEndpoints({ namespace: 'demo', service: 'web' })).endpointSet

/** Beats once on a stream that stays open until `close`. */
async function beating(client: Clients, leaseId: string) {
  let close: () => void = () => undefined
  const closed = new Promise<void>((resolve) => {
    close = resolve
  })
  async function* beats() {
    yield { leaseId }
    await closed
  }
  const aborter = new AbortController()
  const { signal } = aborter
  const answers = client.leases.keepAlive(beats(), { signal })[Symbol.asyncIterator]()
  const first = await answers.next()
  const rest = answers.next().catch(() => undefined)
  return { first: first.value, goodbye: close, broken: () => aborter.abort(), rest }
}

describe('a lease', () => {
  it('takes its pods with it when it runs out, and says so', async () => {
    const { leaseId, ttlMs } = await admin.leases.grantLease({ ttlMs: 1000 })
    await admin.pods.registerPod({ pod: webPod('web-1'), leaseId })
    const startedMs = performance.now()
    await eventually(async () => (await endpoints())?.endpoints.length === 0)
    const tookMs = performance.now() - startedMs
    expect(tookMs).toBeGreaterThan(ttlMs - 100)
    expect(tookMs).toBeLessThan(ttlMs + 900)
    expect((await endpoints())?.emptyReason).toBe('EMPTY_REASON_LEASES_EXPIRED')
  })

  it('makes its pods not ready a second after its stream broke, and ready when it beats again', async () => {
    const { leaseId } = await admin.leases.grantLease({ ttlMs: 15_000 })
    await admin.pods.registerPod({ pod: webPod('web-1'), leaseId })
    const { broken } = await beating(admin, leaseId)
    const brokenMs = performance.now()
    broken()
    await eventually(async () => (await endpoints())?.endpoints[0]?.ready === false)
    expect(performance.now() - brokenMs).toBeLessThan(1500)
    const { pod } = await admin.pods.getPod({ namespace: 'demo', name: 'web-1' })
    expect(pod?.status).toMatchObject({ ready: true, disconnected: true })

    const { goodbye } = await beating(admin, leaseId)
    expect((await endpoints())?.endpoints[0]?.ready).toBe(true)
    goodbye()
  })

  it('keeps its pods ready when the stream was closed on purpose', async () => {
    const { leaseId } = await admin.leases.grantLease({ ttlMs: 15_000 })
    await admin.pods.registerPod({ pod: webPod('web-1'), leaseId })
    const { goodbye, rest } = await beating(admin, leaseId)
    goodbye()
    await rest
    await new Promise((resolve) => setTimeout(resolve, 1300))
    expect((await endpoints())?.endpoints[0]?.ready).toBe(true)
  })

  it('is answered as not alive when it has run out', async () => {
    const { first, goodbye } = await beating(admin, 'no-such-lease')
    expect(first).toMatchObject({ alive: false })
    goodbye()
  })

  it('takes all its pods out in one commit when it is revoked', async () => {
    const { leaseId } = await admin.leases.grantLease({})
    const pods = ['web-1', 'web-2', 'web-3'].map((name) => webPod(name))
    await admin.pods.registerPods({ pods, leaseId })
    expect((await endpoints())?.endpoints.length).toBe(3)
    await admin.leases.revokeLease({ leaseId })
    expect((await endpoints())?.endpoints).toEqual([])
  })

  it('refuses pods once it is gone', async () => {
    await expect(
      admin.pods.registerPod({ pod: webPod('web-1'), leaseId: 'gone' }),
    ).rejects.toMatchObject({ code: 5, extra: [{ reason: 'LEASE_NOT_FOUND' }] })
  })

  it('holds the pods of a service when most of them would expire at once', async () => {
    const { leaseId } = await admin.leases.grantLease({ ttlMs: 1000 })
    const pods = ['web-1', 'web-2', 'web-3'].map((name) => webPod(name))
    await admin.pods.registerPods({ pods, leaseId })
    await eventually(async () => {
      const { pod } = await admin.pods.getPod({ namespace: 'demo', name: 'web-1' })
      return pod?.status?.held === true
    })
    expect((await endpoints())?.endpoints.length).toBe(3)
    const { first, goodbye } = await beating(admin, leaseId)
    expect(first).toMatchObject({ alive: true })
    await eventually(async () => {
      const { pod } = await admin.pods.getPod({ namespace: 'demo', name: 'web-1' })
      return pod?.status?.held === false
    })
    goodbye()
  })
})

describe('ownership', () => {
  it('lets no former life of a pod change it', async () => {
    const first = await admin.leases.grantLease({})
    const second = await admin.leases.grantLease({})
    const old = await admin.pods.registerPod({ pod: webPod('web-1'), leaseId: first.leaseId })
    await admin.pods.registerPod({ pod: webPod('web-1'), leaseId: second.leaseId })
    const name = { namespace: 'demo', name: 'web-1' }
    const uid = old.pod?.metadata?.uid ?? ''
    const notOwner = { code: 9, extra: [{ reason: 'NOT_OWNER' }] }
    await expect(admin.pods.updatePodStatus({ ...name, uid, ready: false })).rejects.toMatchObject(
      notOwner,
    )
    const { leaseId } = first
    await expect(admin.pods.deregisterPod({ ...name, leaseId })).rejects.toMatchObject(notOwner)
    await admin.leases.revokeLease({ leaseId })
    expect((await endpoints())?.endpoints[0]).toMatchObject({ ready: true })
  })

  it('keeps what the operator wants through every registration', async () => {
    const name = { namespace: 'demo', name: 'web-1' }
    await admin.pods.registerPod({ pod: webPod('web-1') })
    await admin.pods.overridePod({ ...name, override: { maintenance: true, weight: 7 } })
    await admin.pods.registerPod({ pod: webPod('web-1') })
    expect((await endpoints())?.endpoints[0]).toMatchObject({ ready: false, weight: 7 })
    await admin.pods.overridePod(name)
    expect((await endpoints())?.endpoints[0]).toMatchObject({ ready: true, weight: 100 })
  })
})
