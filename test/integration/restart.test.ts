import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WatchEndpointsResponse__Output as Event } from '@roster/proto'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect, webPod, webService } from '../support/clients.ts'

let directory: string
let registry: RunningRegistry

const start = (listen = '127.0.0.1:0') =>
  startRegistry({ data: join(directory, 'roster.db'), listen, logLevel: 'silent' })

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'roster-test-'))
  registry = await start()
})

afterEach(async () => {
  await registry.stop()
  rmSync(directory, { recursive: true })
})

/** Everything a watcher of demo/web is told up to its first bookmark. */
async function watchOnce(resume?: { storeId: string; revision: number }): Promise<Event[]> {
  const client = connect(registry.address)
  const subscribe = { namespace: 'demo', service: 'web', ...(resume && { resume }) }
  const aborter = new AbortController()
  const requests = (async function* () {
    yield { subscribe }
  })()
  const events: Event[] = []
  try {
    for await (const event of client.endpoints.watchEndpoints(requests, {
      signal: aborter.signal,
    })) {
      events.push(event)
      if (event.bookmark) break
    }
  } finally {
    aborter.abort()
    client.close()
  }
  return events
}

describe('a registry that is started again on its file', () => {
  it('has everything, and counts every lease from anew', async () => {
    const before = connect(registry.address)
    await before.catalog.applyService(webService())
    const { leaseId } = await before.leases.grantLease({ ttlMs: 2000 })
    await before.pods.registerPod({ pod: webPod('web-1'), leaseId })
    const stored = await before.catalog.getService({ namespace: 'demo', name: 'web' })
    before.close()
    await registry.stop()
    // Longer than the lease lives: time without a registry counts for nobody.
    await new Promise((resolve) => setTimeout(resolve, 2200))
    registry = await start()
    const after = connect(registry.address)
    expect(await after.catalog.getService({ namespace: 'demo', name: 'web' })).toEqual(stored)
    const resolved = await after.endpoints.resolveEndpoints({ namespace: 'demo', service: 'web' })
    expect(resolved.endpointSet?.endpoints).toMatchObject([{ pod: 'web-1', ready: true }])
    after.close()
  })

  it('tells a watcher that resumes nothing when it has missed nothing', async () => {
    const client = connect(registry.address)
    await client.catalog.applyService(webService())
    await client.pods.registerPod({ pod: webPod('web-1') })
    client.close()
    const bookmark = (await watchOnce()).at(-1)
    await registry.stop()
    registry = await start()
    const storeId = bookmark?.bookmark?.storeId ?? ''
    const events = await watchOnce({ storeId, revision: bookmark?.revision ?? 0 })
    expect(events.map((event) => event.snapshot ?? 'bookmark')).toEqual(['bookmark'])
    expect(events[0]?.bookmark?.sets[0]?.hash).toBe(bookmark?.bookmark?.sets[0]?.hash)
  })

  it('sends a watcher that resumes the whole set when it has missed something', async () => {
    const client = connect(registry.address)
    await client.catalog.applyService(webService())
    client.close()
    const bookmark = (await watchOnce()).at(-1)
    const again = connect(registry.address)
    await again.pods.registerPod({ pod: webPod('web-1') })
    again.close()
    await registry.stop()
    registry = await start()
    const storeId = bookmark?.bookmark?.storeId ?? ''
    const events = await watchOnce({ storeId, revision: bookmark?.revision ?? 0 })
    expect(events[0]?.snapshot?.endpoints.map((endpoint) => endpoint.pod)).toEqual(['web-1'])
  })

  it('refuses at once to share its file', async () => {
    const startedMs = performance.now()
    await expect(start()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(performance.now() - startedMs).toBeLessThan(1000)
  })
})
