import type { Statement } from 'better-sqlite3'
import type { Entry, LeaseId, Revision } from '../store.ts'
import type { Connection } from './schema.ts'

/** A present key: its row, the revision and the change it got its value by, and its lease. */
export type EntryRow = readonly [
  id: number,
  revision: Revision,
  changeId: number,
  lease: LeaseId | null,
]

export interface ChangeRow {
  readonly revision: Revision
  readonly key: string
  readonly value: string | null
  readonly timeMs: number
  readonly actor: string
  readonly reason: string
}

export interface LastChange {
  readonly id: number
  readonly revision: Revision
}

export interface Trimmed {
  readonly trimmedChange: number
  readonly trimmedRevision: Revision
}

/** Every statement the engine runs. */
export interface Statements {
  readonly begin: Statement<[]>
  readonly commit: Statement<[]>
  readonly rollback: Statement<[]>
  readonly find: Statement<[string], EntryRow>
  readonly insert: Statement<[string, Revision, number, LeaseId | null]>
  readonly update: Statement<[Revision, number, LeaseId | null, number]>
  readonly remove: Statement<[number]>
  readonly pageFrom: Statement<[string, number], Entry>
  readonly pageAfter: Statement<[string, number], Entry>
  readonly append: Statement<[number, Revision, string, string | null, number, string, string]>
  readonly changes: Statement<[number, number], ChangeRow>
  readonly lastChange: Statement<[], LastChange>
  readonly revisionOf: Statement<[number], Revision>
  readonly timeOf: Statement<[number], number>
  readonly firstSince: Statement<[number, number, number], number>
  readonly dropChange: Statement<[number]>
  readonly dropHistory: Statement<[number, number]>
  readonly trimmed: Statement<[], Trimmed>
  readonly setTrimmed: Statement<[number, Revision]>
  readonly leases: Statement<[], readonly [LeaseId, number]>
  readonly hasLease: Statement<[LeaseId], 1>
  readonly addLease: Statement<[LeaseId, number]>
  readonly removeLease: Statement<[LeaseId]>
  readonly keysOfLease: Statement<[LeaseId], string>
}

/** Prepares every statement once. */
export function prepareStatements(connection: Connection): Statements {
  const sql: Prepare = (text) => connection.prepare(text) as never
  const raw: Prepare = (text) => connection.prepare(text).raw() as never
  const pluck: Prepare = (text) => connection.prepare(text).pluck() as never
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    rollback: sql('ROLLBACK'),
    find: raw('SELECT id, revision, change_id, lease FROM entry WHERE key = ?'),
    insert: sql('INSERT INTO entry (key, revision, change_id, lease) VALUES (?, ?, ?, ?)'),
    update: sql('UPDATE entry SET revision = ?, change_id = ?, lease = ? WHERE id = ?'),
    remove: sql('DELETE FROM entry WHERE id = ?'),
    pageFrom: sql(page('>=')),
    pageAfter: sql(page('>')),
    append: sql('INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)'),
    changes: sql(`SELECT revision, key, value, time_ms AS timeMs, actor, reason
     FROM change WHERE id >= ? AND id < ? ORDER BY id`),
    lastChange: sql('SELECT id, revision FROM change ORDER BY id DESC LIMIT 1'),
    revisionOf: pluck('SELECT revision FROM change WHERE id = ?'),
    timeOf: pluck('SELECT time_ms FROM change WHERE id = ?'),
    firstSince: pluck(
      'SELECT id FROM change WHERE id > ? AND id <= ? AND time_ms >= ? ORDER BY id LIMIT 1',
    ),
    dropChange: sql('DELETE FROM change WHERE id = ?'),
    dropHistory: sql(`DELETE FROM change WHERE id > ? AND id <= ?
     AND id IS NOT (SELECT change_id FROM entry WHERE entry.key = change.key)`),
    trimmed: sql(
      'SELECT trimmed_change AS trimmedChange, trimmed_revision AS trimmedRevision FROM store',
    ),
    setTrimmed: sql('UPDATE store SET trimmed_change = ?, trimmed_revision = ?'),
    leases: raw('SELECT id, ttl_ms FROM lease'),
    hasLease: pluck('SELECT 1 FROM lease WHERE id = ?'),
    addLease: sql('INSERT INTO lease VALUES (?, ?)'),
    removeLease: sql('DELETE FROM lease WHERE id = ?'),
    keysOfLease: pluck('SELECT key FROM entry WHERE lease = ? ORDER BY key'),
  }
}

type Prepare = <P extends unknown[], R>(text: string) => Statement<P, R>

function page(comparison: '>=' | '>'): string {
  return `SELECT entry.key, change.value, entry.revision
    FROM entry JOIN change ON change.id = entry.change_id
    WHERE entry.key ${comparison} ? ORDER BY entry.key LIMIT ?`
}
