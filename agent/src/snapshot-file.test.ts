import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EndpointSet } from '@roster/client'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SnapshotFile } from './snapshot-file.ts'

const web = {
  namespace: 'demo',
  service: 'web',
  revision: 7,
  definition: { metadata: null, spec: { type: 'ClusterIP' }, status: null },
  endpoints: [{ id: 'web-1/u', addresses: ['10.0.0.1'] }],
  emptyReason: 'EMPTY_REASON_UNSPECIFIED',
  hash: 3,
} as unknown as EndpointSet
const state = { sets: new Map([['demo/web', web]]), place: { storeId: 's1', revision: 7 } }

let directory = ''
let warnings: string[] = []
const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) })
const path = () => join(directory, 'agent.json')

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roster-snapshot-'))
  warnings = []
})
afterEach(() => rm(directory, { recursive: true }))

describe('a snapshot file', () => {
  it('gives back what was saved, and leaves nothing beside it', async () => {
    const file = new SnapshotFile(path(), log)
    file.save(() => state)
    await file.close()
    expect(new SnapshotFile(path(), log).read()).toEqual(state)
    expect(await readdir(directory)).toEqual(['agent.json'])
  })

  it('saves the newest state when several come at once', async () => {
    const file = new SnapshotFile(path(), log)
    file.save(() => ({ sets: new Map() }))
    file.save(() => state)
    await file.close()
    expect(file.read()?.place).toEqual(state.place)
  })

  it('that is missing is none, without a warning', () => {
    expect([new SnapshotFile(path(), log).read(), warnings]).toEqual([undefined, []])
  })

  it.each(['', '{', 'null', '{"format":2,"sets":[]}', '{"format":1,"sets":[{"namespace":"x"}]}'])(
    'that holds `%s` is ignored with a warning',
    async (text) => {
      await writeFile(path(), text)
      expect([new SnapshotFile(path(), log).read(), warnings.length]).toEqual([undefined, 1])
    },
  )

  it('that cannot be written is a warning', async () => {
    const file = new SnapshotFile(join(directory, 'missing', 'agent.json'), log)
    file.save(() => state)
    await file.close()
    expect(warnings.length).toBe(1)
  })
})
