import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import type { Cause, Store } from '../store.ts'
import { openDatabase } from './schema.ts'
import { openSqliteStore, SqliteStore } from './sqlite-store.ts'

const CAUSE: Cause = { actor: 'tester', reason: 'test' }

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roster-sqlite-'))
  file = join(folder, 'roster.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const open = (options: { historyLimit?: number; historyMs?: number } = {}): Store => {
  const store = openSqliteStore({ file, ...options })
  onTestFinished(() => store.close())
  return store
}
const put = (store: Store, key: string, value = '1') => store.commit([{ key, value }], CAUSE)
const firstAfter = (store: Store, after: number) => {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  return store.watch(after, stop.signal)[Symbol.asyncIterator]().next()
}
const entriesOf = async (store: Store) => [...(await store.list('')).entries]

it('refuses at once a file that another process has, and names it', () => {
  open()
  const script = `
    const started = performance.now()
    const database = new (require('better-sqlite3'))(process.argv[1], { timeout: 0 })
    try { database.prepare('SELECT * FROM store').all(); console.log('read it') }
    catch (error) { console.log(error.code, performance.now() - started < 1000) }`
  const { stdout } = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' })
  expect(stdout.trim()).toBe('SQLITE_BUSY true')
  const startedMs = performance.now()
  expect(() => openSqliteStore({ file })).toThrow(
    expect.objectContaining({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`${file} is in use by another process: stop`),
    }),
  )
  expect(performance.now() - startedMs).toBeLessThan(1000)
})

it('lets another process have the file once it is closed', async () => {
  await open().close()
  expect(() => open()).not.toThrow()
})

it('refuses a file that a newer program wrote', async () => {
  await open().close()
  const database = new Database(file)
  database.pragma('user_version = 99')
  database.close()
  expect(() => open()).toThrow(/version 99 .* start the newer program/)
})

it('refuses a database of another program and leaves it as it is', () => {
  const database = new Database(file)
  database.exec('CREATE TABLE theirs (x)')
  database.close()
  expect(() => open()).toThrow(/database of another program/)
  const tables = new Database(file).prepare('SELECT name FROM sqlite_schema').pluck().all()
  expect(tables).toEqual(['theirs'])
})

it('refuses a file that is no database', () => {
  writeFileSync(file, 'x'.repeat(5000))
  expect(() => open()).toThrow(/is not a store or is damaged/)
})

it('says which directory is missing', () => {
  expect(() => openSqliteStore({ file: join(folder, 'none', 'roster.db') })).toThrow(
    /cannot open store file .*none.roster\.db/,
  )
})

it('runs with the log, the syncs and the lock that durability needs', () => {
  const connection = openDatabase(file)
  onTestFinished(() => {
    connection.close()
  })
  const pragmas = ['journal_mode', 'synchronous', 'locking_mode', 'busy_timeout']
  const values = pragmas.map((name) => connection.pragma(name, { simple: true }))
  expect(values).toEqual(['wal', 2, 'exclusive', 0])
})

it('trims history to its limit and says COMPACTED for what is gone', async () => {
  const store = open({ historyLimit: 10 })
  for (let i = 0; i < 50; i++) await put(store, `k${i % 3}`)
  await expect(firstAfter(store, 39)).rejects.toMatchObject({ code: 'COMPACTED' })
  expect((await firstAfter(store, 40)).value).toMatchObject({ revision: 41 })
})

it('never shows half of a commit that is half trimmed', async () => {
  const store = open({ historyLimit: 10 })
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ key, value: '1' }))
  for (let i = 0; i < 3; i++) await store.commit(six, CAUSE)
  await expect(firstAfter(store, 1)).rejects.toMatchObject({ code: 'COMPACTED' })
  expect((await firstAfter(store, 2)).value.changes).toHaveLength(6)
})

it('keeps present values that are older than history, across restarts', async () => {
  const first = open({ historyLimit: 10 })
  await put(first, 'old', '"kept"')
  for (let i = 0; i < 700; i++) await put(first, 'k', `${i}`)
  await first.close()
  const second = open({ historyLimit: 10 })
  expect(await entriesOf(second)).toEqual([
    { key: 'k', value: '699', revision: 701 },
    { key: 'old', value: '"kept"', revision: 1 },
  ])
  await expect(firstAfter(second, 690)).rejects.toMatchObject({ code: 'COMPACTED' })
  expect((await firstAfter(second, 691)).value).toMatchObject({ revision: 692 })
})

it('keeps no row that neither history nor an entry needs', async () => {
  const store = open({ historyLimit: 10 })
  for (let i = 0; i < 20; i++) await put(store, `k${i}`)
  for (let i = 0; i < 20; i++) await put(store, `k${i}`)
  for (let i = 0; i < 20; i++) await store.commit([{ key: `k${i}`, value: null }], CAUSE)
  await store.close()
  const database = new Database(file)
  expect(database.prepare('SELECT count(*) FROM change').pluck().get()).toBe(10)
  database.close()
})

it('remembers its revision when all history is gone by', async () => {
  const first = open({ historyLimit: 0 })
  await put(first, 'a')
  await first.commit([{ key: 'a', value: null }], CAUSE)
  await first.close()
  expect(await put(open(), 'a')).toBe(3)
})

it('trims history by age', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const store = open({ historyMs: 60_000 })
  await put(store, 'a')
  await put(store, 'b')
  vi.setSystemTime(Date.now() + 61_000)
  await put(store, 'c')
  await expect(firstAfter(store, 1)).rejects.toMatchObject({ code: 'COMPACTED' })
  expect((await firstAfter(store, 2)).value).toMatchObject({ revision: 3 })
})

it('trims in small steps', async () => {
  const wide = open()
  for (let i = 0; i < 3000; i++) void put(wide, `k${i % 5}`)
  await wide.close()
  const narrow = open({ historyLimit: 1 })
  await put(narrow, 'k')
  await narrow.close()
  const database = new Database(file)
  const trimmed = database.prepare('SELECT trimmed_change FROM store').pluck().get()
  database.close()
  expect(trimmed).toBe(256)
})

it('rejects what does not fit on the disk and goes on when there is room again', async () => {
  const connection = openDatabase(file)
  const store = new SqliteStore(connection, { file })
  onTestFinished(() => store.close())
  await put(store, 'a', '"before"')
  const pages = connection.pragma('page_count', { simple: true })
  connection.pragma(`max_page_count = ${pages}`)
  const big = JSON.stringify('x'.repeat(100_000))
  const answers = await Promise.allSettled([put(store, 'a', '"lost"'), put(store, 'b', big)])
  for (const answer of answers) {
    expect(answer).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', message: expect.stringContaining('no room') },
    })
  }
  expect(await entriesOf(store)).toEqual([{ key: 'a', value: '"before"', revision: 1 }])
  connection.pragma('max_page_count = 100000')
  expect(await put(store, 'b', big)).toBe(2)
  expect((await firstAfter(store, 1)).value).toMatchObject({ changes: [{ key: 'b' }] })
})

it('shares one transaction among the commits of a turn', async () => {
  const connection = openDatabase(file)
  const store = new SqliteStore(connection, { file })
  onTestFinished(() => store.close())
  let nowMs = 0
  // A transaction asks for the time once.
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => nowMs++)
  onTestFinished(() => clock.mockRestore())
  await Promise.all(Array.from({ length: 50 }, (_, i) => put(store, `k${i}`)))
  const times = connection.prepare('SELECT count(DISTINCT time_ms) FROM change').pluck().get()
  expect(times).toBe(1)
})

it('refuses more waiting writes than it has room for', async () => {
  const store = open()
  const writes = Array.from({ length: 128 }, (_, i) => ({ key: `k${i}`, value: '1' }))
  const answers = await Promise.allSettled(
    Array.from({ length: 790 }, () => store.commit(writes, CAUSE)),
  )
  const last = answers.at(-1)
  expect(last).toMatchObject({ status: 'rejected', reason: { code: 'EXHAUSTED' } })
  expect(answers[0]).toMatchObject({ status: 'fulfilled', value: 1 })
})

it('closes when its signal aborts', async () => {
  const stop = new AbortController()
  const store = openSqliteStore({ file, signal: stop.signal })
  stop.abort()
  await expect(put(store, 'a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(() => open()).not.toThrow()
})
