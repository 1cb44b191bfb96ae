// Writes groups of keys to a store without end and prints each acknowledged
// commit as `revision group token`. It is there to be killed.
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../server/dist/store/sqlite/sqlite-store.js'

const [file, run] = process.argv.slice(2)
const store = openSqliteStore({ file, historyLimit: 20_000 })
const cause = { actor: 'writer', reason: 'test' }
const CALLERS = 6
const KEYS = 5

async function write(group) {
  for (let i = 0; ; i++) {
    const token = `"${run}-${i} ${'x'.repeat((i * 397) % 3000)}"`
    const value = i % 5 === 4 ? null : token
    const writes = Array.from({ length: KEYS }, (_, k) => ({ key: `${group}/${k}`, value }))
    const revision = await store.commit(writes, cause)
    writeSync(1, `${revision} ${group} ${value === null ? 'deleted' : `${run}-${i}`}\n`)
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, group) => write(group)))
