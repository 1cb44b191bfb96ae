import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type {
  Batch,
  Cause,
  DueLease,
  Entry,
  LeaseId,
  Revision,
  Store,
  Write,
} from '../../server/src/store/store.ts'

/** What an engine under test gives: an empty store whose leases run on `Date.now`. */
export interface StoreUnderTest {
  readonly store: Store
  /** Closes the store and opens it anew, where it can outlive that. */
  readonly reopen?: () => Promise<Store>
}

const CAUSE: Cause = { actor: 'tester', reason: 'test' }

/** What every engine promises. `make` answers a fresh store each time. */
export function storeContract(make: () => Promise<StoreUnderTest>): void {
  let subject: StoreUnderTest
  let store: Store

  const watched = (from: Store, after: Revision): AsyncIterator<Batch> => {
    const stop = new AbortController()
    onTestFinished(() => stop.abort())
    return from.watch(after, stop.signal)[Symbol.asyncIterator]()
  }
  const entriesOf = async (from: Store, prefix = ''): Promise<readonly Entry[]> => [
    ...(await from.list(prefix)).entries,
  ]
  const keysOf = async (from: Store): Promise<readonly string[]> =>
    (await entriesOf(from)).map((entry) => entry.key)
  const put = (key: string, more: Omit<Write, 'key' | 'value'> = {}, value = '{}') =>
    store.commit([{ key, value, ...more }], CAUSE)

  beforeEach(async () => {
    subject = await make()
    store = subject.store
  })
  afterEach(async () => {
    await store.close()
  })

  describe('commit and list', () => {
    it('gives every commit the next revision, beginning with 1', async () => {
      expect([await put('a'), await put('a'), await put('b')]).toEqual([1, 2, 3])
    })

    it('lists values with the revision of their last change, in key order', async () => {
      await put('b', {}, '"b1"')
      await put('a', {}, '"a1"')
      await put('b', {}, '"b2"')
      expect(await entriesOf(store)).toEqual([
        { key: 'a', value: '"a1"', revision: 2 },
        { key: 'b', value: '"b2"', revision: 3 },
      ])
    })

    it('lists only keys with the prefix', async () => {
      for (const key of ['pods/a', 'pods', 'pods0', 'pods/', 'pod/a', 'qods/a']) await put(key)
      const keys = (await entriesOf(store, 'pods/')).map((entry) => entry.key)
      expect(keys).toEqual(['pods/', 'pods/a'])
    })

    it('lists as of one revision even when read after later commits', async () => {
      const keys = Array.from({ length: 1500 }, (_, i) => `k${String(i).padStart(4, '0')}`)
      for (let i = 0; i < keys.length; i += 100) {
        const writes = keys.slice(i, i + 100).map((key) => ({ key, value: '1' }))
        await store.commit(writes, CAUSE)
      }
      const { revision, entries } = await store.list('')
      const iterator = entries[Symbol.iterator]()
      const first = iterator.next().value as Entry
      await store.commit([{ key: 'k1400', value: null }], CAUSE)
      await store.commit([{ key: 'k0001', value: '2' }], CAUSE)
      const rest: Entry[] = []
      for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
        rest.push(next.value)
      }
      expect(revision).toBe(15)
      expect([first, ...rest].map((entry) => entry.key)).toEqual(keys)
      expect(rest.every((entry) => entry.value === '1')).toBe(true)
    })

    it('refuses all writes of a commit when one expectation does not hold', async () => {
      await put('a')
      const commit = store.commit(
        [
          { key: 'new', value: '1' },
          { key: 'a', value: '2', expect: 7 },
        ],
        CAUSE,
      )
      await expect(commit).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await keysOf(store)).toEqual(['a'])
    })

    it('takes expect 0 as: does not exist', async () => {
      await put('a', { expect: 0 })
      await expect(put('a', { expect: 0 })).rejects.toMatchObject({ code: 'CONFLICT' })
    })

    it('lets the other commits of the turn be when one is refused', async () => {
      const answers = await Promise.allSettled([
        put('a', { expect: 0 }),
        put('a', { expect: 0 }),
        put('b'),
      ])
      expect(answers.map((answer) => answer.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(await keysOf(store)).toEqual(['a', 'b'])
    })

    it('answers the current revision when nothing changes', async () => {
      await put('a')
      expect(await store.commit([{ key: 'none', value: null }], CAUSE)).toBe(1)
      expect(await store.commit([], CAUSE)).toBe(1)
      expect(await put('a')).toBe(2)
    })

    it('refuses a key written twice in one commit', async () => {
      const twice = [
        { key: 'a', value: '1' },
        { key: 'a', value: null },
      ]
      await expect(store.commit(twice, CAUSE)).rejects.toMatchObject({ code: 'INVALID' })
    })

    it('takes 128 writes in one commit and refuses 129', async () => {
      const writes = Array.from({ length: 129 }, (_, i) => ({ key: `k${i}`, value: '1' }))
      await expect(store.commit(writes, CAUSE)).rejects.toMatchObject({ code: 'INVALID' })
      expect(await store.commit(writes.slice(1), CAUSE)).toBe(1)
    })
  })

  describe('watch', () => {
    it('delivers commits with cause and time, deletes as null', async () => {
      const before = Date.now()
      const watch = watched(store, 0)
      await put('a', {}, '"x"')
      await store.commit([{ key: 'a', value: null }], { actor: 'me', reason: 'because' })
      expect((await watch.next()).value).toMatchObject({
        revision: 1,
        cause: CAUSE,
        changes: [{ key: 'a', value: '"x"' }],
      })
      const { value } = await watch.next()
      expect(value).toMatchObject({
        revision: 2,
        cause: { actor: 'me', reason: 'because' },
        changes: [{ key: 'a', value: null }],
      })
      expect(value.timeMs).toBeGreaterThanOrEqual(before)
    })

    it('misses nothing between the call and the first read', async () => {
      await put('a')
      const watch = watched(store, 1)
      await put('b')
      expect((await watch.next()).value).toMatchObject({ revision: 2 })
    })

    it('hands one batch object to all watchers', async () => {
      const watches = [watched(store, 0), watched(store, 0)]
      const reads = watches.map((watch) => watch.next())
      await put('a')
      const [one, other] = await Promise.all(reads)
      expect(one?.value).toBe(other?.value)
    })

    it('has been handed the batch when commit answers', async () => {
      const watch = watched(store, 0)
      const order: string[] = []
      const reading = watch.next().then(() => order.push('watch'))
      await put('a').then(() => order.push('commit'))
      await reading
      expect(order).toEqual(['watch', 'commit'])
    })

    it('ends quietly when its signal aborts', async () => {
      const stop = new AbortController()
      const watch = store.watch(0, stop.signal)[Symbol.asyncIterator]()
      const reading = watch.next()
      stop.abort()
      expect(await reading).toMatchObject({ done: true })
      expect(await watch.next()).toMatchObject({ done: true })
    })

    it('brings a watcher that fell far behind every commit', async () => {
      const watch = watched(store, 0)
      const reading = watch.next()
      await Promise.all(Array.from({ length: 6000 }, (_, i) => put(`k${i % 10}`)))
      const revisions = [(await reading).value.revision]
      while (revisions.length < 6000) revisions.push((await watch.next()).value.revision)
      expect(revisions).toEqual(Array.from({ length: 6000 }, (_, i) => i + 1))
    })

    it('from any revision delivers the rest of the log, commits whole', async () => {
      const log: Batch[] = []
      const all = watched(store, 0)
      for (let i = 0; i < 40; i++) {
        const writes = Array.from({ length: (i * 37) % 128 }, (_, j) => ({
          key: `k${j}`,
          value: `${i}`,
        }))
        await store.commit(writes, CAUSE)
      }
      const { revision } = await store.list('')
      while (log.length < revision) log.push((await all.next()).value)
      for (let after = 0; after < revision; after++) {
        const watch = watched(store, after)
        const rest: Batch[] = []
        while (after + rest.length < revision) rest.push((await watch.next()).value)
        expect(rest).toEqual(log.slice(after))
      }
    })
  })

  describe('leases', () => {
    beforeEach(async () => {
      // Only what leases run on; the disk's turns stay real. The engine's sweep must start under it.
      vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: Date.now() })
      await store.close()
      subject = await make()
      store = subject.store
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    /** Lets the time pass in the engine's view, sweep by sweep, and what it does be durable. */
    const pass = async (ms: number, stepMs = 50): Promise<void> => {
      for (let passed = 0; passed < ms; passed += stepMs) {
        vi.advanceTimersByTime(Math.min(stepMs, ms - passed))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await store.commit([], CAUSE)
    }
    const isAlive = async (lease: LeaseId): Promise<boolean> =>
      store.keepAlive(lease).then(
        () => true,
        () => false,
      )

    it('delete their keys in one commit when they run out', async () => {
      const lease = await store.grantLease(1000)
      const keys = Array.from({ length: 300 }, (_, i) => `k${String(i).padStart(3, '0')}`)
      for (let i = 0; i < 300; i += 100) {
        const writes = keys.slice(i, i + 100).map((key) => ({ key, value: '1', lease }))
        await store.commit(writes, CAUSE)
      }
      await put('other')
      const watch = watched(store, 4)
      await pass(1500)
      const { value } = await watch.next()
      expect(value.cause).toEqual({ actor: 'registry', reason: 'lease expired' })
      expect([...value.changes].map((change: { key: string }) => change.key).sort()).toEqual(keys)
      expect(await keysOf(store)).toEqual(['other'])
      await expect(store.keepAlive(lease)).rejects.toMatchObject({ code: 'LEASE_NOT_FOUND' })
    })

    it('never end before their time and at most 500 ms after it', async () => {
      const scenario = fc.record({
        ttlMs: fc.integer({ min: 1, max: 3000 }),
        beats: fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 5 }),
        offsetMs: fc.integer({ min: 0, max: 120 }),
      })
      await fc.assert(
        fc.asyncProperty(scenario, async ({ ttlMs, beats, offsetMs }) => {
          vi.advanceTimersByTime(offsetMs)
          const lease = await store.grantLease(ttlMs)
          let aliveUntil = Date.now() + ttlMs
          await put('k', { lease })
          for (const beatMs of beats) {
            if (Date.now() + beatMs >= aliveUntil) break
            await pass(beatMs, 20)
            await store.keepAlive(lease)
            aliveUntil = Date.now() + ttlMs
          }
          await pass(aliveUntil - 1 - Date.now(), 20)
          expect(await keysOf(store)).toEqual(['k'])
          await pass(aliveUntil + 500 - Date.now(), 20)
          expect(await keysOf(store)).toEqual([])
        }),
        { numRuns: 60 },
      )
    }, 60_000)

    it('lose nothing by time in which the process did not run', async () => {
      const lease = await store.grantLease(5000)
      await put('k', { lease })
      await pass(4000)
      vi.setSystemTime(Date.now() + 3_600_000)
      await pass(800)
      expect(await keysOf(store)).toEqual(['k'])
      await pass(800)
      expect(await keysOf(store)).toEqual([])
    })

    it('gain nothing by such time when a beat is what comes first after it', async () => {
      const lease = await store.grantLease(2000)
      await put('k', { lease })
      await pass(1000)
      vi.setSystemTime(Date.now() + 3_600_000)
      await store.keepAlive(lease)
      await pass(1900)
      expect(await keysOf(store)).toEqual(['k'])
      await pass(600)
      expect(await keysOf(store)).toEqual([])
    })

    it('answer their time to live to a beat', async () => {
      expect(await store.keepAlive(await store.grantLease(4321))).toBe(4321)
    })

    it('refuse commits under them once they are gone', async () => {
      const lease = await store.grantLease(1000)
      await store.revokeLease(lease, CAUSE)
      await expect(put('a', { lease })).rejects.toMatchObject({ code: 'LEASE_NOT_FOUND' })
      await expect(store.revokeLease(lease, CAUSE)).rejects.toMatchObject({
        code: 'LEASE_NOT_FOUND',
      })
    })

    it('take their keys with them when revoked, with that cause', async () => {
      const lease = await store.grantLease(1000)
      await put('a', { lease })
      const watch = watched(store, 1)
      await store.revokeLease(lease, { actor: 'me', reason: 'bye' })
      expect((await watch.next()).value).toMatchObject({
        cause: { actor: 'me', reason: 'bye' },
        changes: [{ key: 'a', value: null }],
      })
    })

    it('leave a key that has just moved to another lease', async () => {
      const [old, young] = [await store.grantLease(1000), await store.grantLease(60_000)]
      await put('a', { lease: old })
      await Promise.all([put('a', { lease: young }), store.revokeLease(old, CAUSE)])
      expect(await keysOf(store)).toEqual(['a'])
      await store.revokeLease(young, CAUSE)
      expect(await keysOf(store)).toEqual([])
    })

    it('let go of a key that is written without a lease', async () => {
      const lease = await store.grantLease(1000)
      await put('a', { lease })
      await put('a')
      await store.revokeLease(lease, CAUSE)
      expect(await keysOf(store)).toEqual(['a'])
    })

    it('let a key be deleted and come back without them', async () => {
      const lease = await store.grantLease(1000)
      await put('a', { lease })
      await store.commit([{ key: 'a', value: null }], CAUSE)
      await put('a')
      await store.revokeLease(lease, CAUSE)
      expect(await keysOf(store)).toEqual(['a'])
    })

    it('that the guard keeps stay and are asked about again, with their keys of then', async () => {
      const asked: (readonly DueLease[])[] = []
      let kept = new Set<LeaseId>()
      store.guardExpiry((due) => {
        asked.push(due)
        return kept
      })
      const [held, other] = [await store.grantLease(1000), await store.grantLease(1000)]
      kept.add(held)
      await put('a', { lease: held })
      await put('b', { lease: other })
      await pass(1500)
      expect(await keysOf(store)).toEqual(['a'])
      expect(asked[0]).toEqual([
        { lease: held, keys: ['a'] },
        { lease: other, keys: ['b'] },
      ])
      await put('c', { lease: held })
      await put('a')
      await pass(200)
      expect(asked.at(-1)).toEqual([{ lease: held, keys: ['c'] }])
      kept = new Set()
      await pass(200)
      expect(await keysOf(store)).toEqual(['a'])
      expect(await isAlive(held)).toBe(false)
    })

    it('that the guard keeps are revived by a beat', async () => {
      let kept = new Set<LeaseId>()
      store.guardExpiry(() => kept)
      const lease = await store.grantLease(1000)
      kept.add(lease)
      await pass(3000)
      expect(await store.keepAlive(lease)).toBe(1000)
      kept = new Set()
      await pass(900)
      expect(await isAlive(lease)).toBe(true)
      await pass(1500)
      expect(await isAlive(lease)).toBe(false)
    })

    it('have their full time again after a restart', async ({ skip }) => {
      if (subject.reopen === undefined) return skip()
      const lease = await store.grantLease(2000)
      await put('a', { lease })
      await pass(1500)
      store = await subject.reopen()
      await pass(1900)
      expect(await keysOf(store)).toEqual(['a'])
      await pass(600)
      expect(await keysOf(store)).toEqual([])
    })
  })

  describe('restart', () => {
    it('keeps id, entries, revision and history', async ({ skip }) => {
      if (subject.reopen === undefined) return skip()
      await put('a', {}, '"1"')
      await put('b', {}, '"2"')
      await store.commit([{ key: 'a', value: null }], CAUSE)
      const before = { id: store.id, entries: await entriesOf(store) }
      store = await subject.reopen()
      expect({ id: store.id, entries: await entriesOf(store) }).toEqual(before)
      const watch = watched(store, 2)
      expect((await watch.next()).value).toMatchObject({
        revision: 3,
        changes: [{ key: 'a', value: null }],
      })
      expect(await put('c')).toBe(4)
    })

    it('refuses everything once closed', async () => {
      const watch = watched(store, 0)
      const reading = watch.next()
      const waiting = put('a')
      const closing = store.close()
      expect(await waiting).toBe(1)
      await closing
      expect((await reading).value).toMatchObject({ revision: 1 })
      const gone = { code: 'UNAVAILABLE' }
      await expect(watch.next()).rejects.toMatchObject(gone)
      await expect(put('a')).rejects.toMatchObject(gone)
      await expect(store.list('')).rejects.toMatchObject(gone)
      await expect(store.keepAlive('x')).rejects.toMatchObject(gone)
      await expect(store.grantLease(1)).rejects.toMatchObject(gone)
    })
  })

  it('agrees with a plain map after any sequence of commits and lease ends', async () => {
    const key = fc.constantFrom('a', 'a/b', 'b', 'c', 'é', '~')
    const write = fc.record({
      key,
      value: fc.option(fc.string(), { freq: 3 }),
      expect: fc.option(fc.constantFrom('right', 'zero', 'wrong'), { freq: 2 }),
      lease: fc.option(fc.nat(2), { freq: 2 }),
    })
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.uniqueArray(write, { selector: (w) => w.key, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.record({ end: fc.nat(2) }) },
    )
    const turns = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(turns, async (plan) => {
        const { store: fresh } = await make()
        const model = new ModelStore(await leasesOf(fresh))
        const watch = fresh.watch(0, new AbortController().signal)[Symbol.asyncIterator]()
        for (const turn of plan) {
          const answers = await Promise.all(turn.map((one) => sameStep(fresh, model, one)))
          for (const { actual, expected } of answers) expect(actual).toEqual(expected)
          expect(await entriesOf(fresh)).toEqual(model.entries())
        }
        for (const batch of model.log) {
          const { value } = await watch.next()
          expect({ revision: value.revision, changes: byKey(value.changes) }).toEqual(batch)
        }
        await fresh.close()
      }),
      { numRuns: 150 },
    )
  }, 60_000)
}

type Outcome = Revision | string | undefined
interface PlannedWrite {
  readonly key: string
  readonly value: string | null
  readonly expect: string | null
  readonly lease: number | null
}
type Step = readonly PlannedWrite[] | { readonly end: number }

const leasesOf = (store: Store): Promise<readonly LeaseId[]> =>
  Promise.all([60_000, 60_000, 60_000].map((ttlMs) => store.grantLease(ttlMs)))

const byKey = <T extends { readonly key: string }>(changes: readonly T[]): readonly T[] =>
  [...changes].sort((a, b) => (a.key < b.key ? -1 : 1))

async function sameStep(
  store: Store,
  model: ModelStore,
  step: Step,
): Promise<{ actual: Outcome; expected: Outcome }> {
  const codeOf = (error: { code: string }) => error.code
  if ('end' in step) {
    const lease = model.leases[step.end] ?? ''
    const expected = model.end(lease)
    return { actual: await store.revokeLease(lease, CAUSE).then(() => undefined, codeOf), expected }
  }
  const writes = step.map((write): Write => {
    const revision = model.map.get(write.key)?.revision ?? 0
    const expected = { right: revision, zero: 0, wrong: revision + 1 }[write.expect ?? '']
    return {
      key: write.key,
      value: write.value,
      ...(expected === undefined ? {} : { expect: expected }),
      ...(write.lease === null ? {} : { lease: model.leases[write.lease] ?? '' }),
    }
  })
  const expected = model.commit(writes)
  return { actual: await store.commit(writes, CAUSE).catch(codeOf), expected }
}

/** The oracle: what the port says, on a Map. */
class ModelStore {
  readonly map = new Map<string, { value: string; revision: Revision; lease?: LeaseId }>()
  readonly log: {
    revision: Revision
    changes: readonly { key: string; value: string | null }[]
  }[] = []
  readonly leases: readonly LeaseId[]
  readonly #alive: Set<LeaseId>

  constructor(leases: readonly LeaseId[]) {
    this.leases = leases
    this.#alive = new Set(leases)
  }

  entries(): readonly Entry[] {
    const bytes = (key: string) => Buffer.from(key)
    return [...this.map]
      .sort(([a], [b]) => bytes(a).compare(bytes(b)))
      .map(([key, { value, revision }]) => ({ key, value, revision }))
  }

  commit(writes: readonly Write[]): Outcome {
    for (const { key, value, expect: wanted, lease } of writes) {
      if (wanted !== undefined && wanted !== (this.map.get(key)?.revision ?? 0)) return 'CONFLICT'
      if (value !== null && lease !== undefined && !this.#alive.has(lease)) return 'LEASE_NOT_FOUND'
    }
    const changes = writes.filter(({ key, value }) => value !== null || this.map.has(key))
    return this.#apply(changes)
  }

  end(lease: LeaseId): Outcome {
    if (!this.#alive.delete(lease)) return 'LEASE_NOT_FOUND'
    const keys = [...this.map].filter(([, entry]) => entry.lease === lease).map(([key]) => key)
    this.#apply(keys.map((key) => ({ key, value: null })))
    return undefined
  }

  #apply(writes: readonly Write[]): Revision {
    if (writes.length === 0) return this.log.length
    const revision = this.log.length + 1
    for (const { key, value, lease } of writes) {
      if (value === null) this.map.delete(key)
      else this.map.set(key, { value, revision, ...(lease === undefined ? {} : { lease }) })
    }
    const changes = writes.map(({ key, value }) => ({ key, value }))
    this.log.push({ revision, changes: byKey(changes) })
    return revision
  }
}
