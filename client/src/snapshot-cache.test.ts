import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { endpointAt } from '../../test/support/hand-fed-source.ts'
import type { RosterEvent } from './events.ts'
import { SnapshotCache } from './snapshot-cache.ts'
import type { KnownSet } from './subscription.ts'

const registry = '127.0.0.1:7400'
const web = { namespace: 'shop', service: 'web' }
let directory = ''
let file = ''
let events: RosterEvent[] = []
const onEvent = (event: RosterEvent) => events.push(event)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roster-snapshot-'))
  file = join(directory, 'endpoints.json')
  events = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const cacheOf = (own: { file?: string; registry?: string } = {}) =>
  new SnapshotCache({ file, registry, onEvent, ...own })
const known = (service = 'web', confirmedAgoMs = 0): KnownSet => ({
  set: {
    namespace: 'shop',
    service,
    revision: 4,
    endpoints: [endpointAt({ name: 'a', port: 1 })],
    emptyReason: 'EMPTY_REASON_UNSPECIFIED',
    hash: 1,
  },
  resume: { storeId: 'h', revision: 7 },
  confirmedAtMs: performance.now() - confirmedAgoMs,
})
/** A file that another life has left. */
async function leave(...sets: KnownSet[]) {
  const cache = cacheOf()
  for (const set of sets) cache.put(set)
  await cache.close()
}
const DAY_MS = 24 * 3_600_000

describe('the snapshot of a process', () => {
  it('is there in its next life', async () => {
    await leave(known())
    const { confirmedAtMs: _, ...expected } = known()
    expect(cacheOf().get(web)).toMatchObject(expected)
    expect(events).toEqual([])
  })

  it('knows how long ago the registry was heard of', async () => {
    await leave(known('web', 5_000))
    const agoMs = performance.now() - (cacheOf().get(web)?.confirmedAtMs ?? Number.NaN)
    expect(agoMs).toBeGreaterThanOrEqual(5_000 - 5)
    expect(agoMs).toBeLessThan(10_000)
  })

  it('keeps services that this life has not asked for', async () => {
    await leave(known('cart'))
    await leave(known('web'))
    expect(cacheOf().get({ namespace: 'shop', service: 'cart' })).toBeDefined()
  })

  it('forgets a service the registry has not confirmed for a week', async () => {
    await leave(known('web', 8 * DAY_MS), known('cart', 6 * DAY_MS))
    const cache = cacheOf()
    expect(cache.get(web)).toBeUndefined()
    expect(cache.get({ namespace: 'shop', service: 'cart' })).toBeDefined()
  })

  it('is for the owner only, and leaves no other file behind', async () => {
    await leave(known())
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['endpoints.json'])
  })

  it('is written by itself, soon after a change', async () => {
    const cache = cacheOf()
    cache.put(known())
    await vi.waitFor(() => stat(file), { timeout: 5_000 })
    await cache.close()
  })
})

describe('a snapshot that is of no use', () => {
  it.each<[string, (text: string) => string]>([
    ['is cut off', (text) => text.slice(0, 100)],
    ['was changed', (text) => text.replace('127.0.0.1', '127.0.0.2')],
    ['is something else', () => '{"name": "roster"}'],
    ['is null', () => 'null'],
  ])('because it %s is reported', async (_, spoil) => {
    await leave(known())
    await writeFile(file, spoil(await readFile(file, 'utf8')))
    expect(cacheOf().get(web)).toBeUndefined()
    expect(events).toMatchObject([{ type: 'snapshot_failed', file }])
  })

  it('because it is of another registry is reported', async () => {
    await leave(known())
    expect(cacheOf({ registry: 'other:7400' }).get(web)).toBeUndefined()
    expect(events).toMatchObject([{ reason: expect.stringContaining('not of other:7400') }])
  })

  it('because it cannot be written is reported', async () => {
    const cache = cacheOf({ file: join(directory, 'nowhere', 'endpoints.json') })
    cache.put(known())
    await cache.close()
    expect(events).toMatchObject([{ reason: expect.stringContaining('cannot be written') }])
  })
})
