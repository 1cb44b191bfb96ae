import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { openSqliteStore } from '../../server/src/store/sqlite/sqlite-store.ts'
import { storeContract } from './store.contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'roster-contract-'))
let files = 0
afterAll(() => rmSync(folder, { recursive: true }))

const now = () => Date.now()

describe('sqlite in a file', () => {
  storeContract(async () => {
    const file = join(folder, `${files++}.db`)
    const store = openSqliteStore({ file, now })
    const reopen = async () => {
      await store.close()
      return openSqliteStore({ file, now })
    }
    return { store, reopen }
  })
})

describe('sqlite in memory', () => {
  storeContract(async () => ({ store: openSqliteStore({ file: ':memory:', now }) }))
})
