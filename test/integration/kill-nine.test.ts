import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { openSqliteStore } from '../../server/src/store/sqlite/sqlite-store.ts'
import type { Batch, Store } from '../../server/src/store/store.ts'

const ROUNDS = 100
const KEYS = 5
const WRITER = fileURLToPath(new URL('../support/store-writer.mjs', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'roster-kill-'))
const file = join(folder, 'roster.db')
afterAll(() => rmSync(folder, { recursive: true }))

interface Acknowledged {
  readonly revision: number
  readonly group: string
  readonly token: string
}

/** Lets a writer run for a moment and kills it; answers what it was told is durable. */
async function writeAndKill(run: number, aliveMs: number): Promise<readonly Acknowledged[]> {
  const writer = spawn(process.execPath, [WRITER, file, String(run)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  writer.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  const closed = once(writer, 'close')
  await Promise.race([once(writer.stdout, 'data'), closed])
  await delay(aliveMs)
  writer.kill('SIGKILL')
  await closed
  // A line that was not printed to its end says nothing.
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [revision, group = '', token = ''] = line.split(' ')
      return { revision: Number(revision), group, token }
    })
}

async function commitsAfter(store: Store, after: number): Promise<Map<number, Batch>> {
  const { revision } = await store.list('')
  const commits = new Map<number, Batch>()
  if (revision === after) return commits
  const stop = new AbortController()
  for await (const batch of store.watch(after, stop.signal)) {
    commits.set(batch.revision, batch)
    if (batch.revision === revision) break
  }
  return commits
}

const tokenOf = (value: string | null): string =>
  value === null ? 'deleted' : (JSON.parse(value).split(' ')[0] ?? '')

it('loses nothing acknowledged and keeps nothing half when killed at any instant', async () => {
  const first = openSqliteStore({ file })
  const { id } = first
  await first.close()
  let checked = 0
  let acknowledgedInAll = 0
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await writeAndKill(round, Math.random() * 60)
    const store = openSqliteStore({ file })
    expect(store.id).toBe(id)

    const commits = await commitsAfter(store, checked)
    for (const { revision, group, token } of acknowledged) {
      const changes = commits.get(revision)?.changes ?? []
      expect(changes.map((change) => change.key)).toEqual(keysOf(group))
      expect(changes.map((change) => tokenOf(change.value))).toEqual(Array(KEYS).fill(token))
    }
    for (const { changes } of commits.values()) expect(changes).toHaveLength(KEYS)

    const { revision, entries } = await store.list('')
    const states = new Map<string, number>()
    for (const { key, value, revision: changed } of entries) {
      const state = `${key.split('/')[0]} ${changed} ${value}`
      states.set(state, (states.get(state) ?? 0) + 1)
    }
    // All keys of a group are of one commit.
    for (const keys of states.values()) expect(keys).toBe(KEYS)
    checked = revision
    acknowledgedInAll += acknowledged.length
    await store.close()
  }
  expect(acknowledgedInAll).toBeGreaterThan(ROUNDS)
}, 120_000)

const keysOf = (group: string): readonly string[] =>
  Array.from({ length: KEYS }, (_, k) => `${group}/${k}`)
