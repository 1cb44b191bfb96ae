import { RegistryError } from '../../model/errors.ts'
import type { Batch, Cause, Change, Entry, LeaseId, Revision, Write } from '../store.ts'
import type { History } from './feed.ts'
import { type Extent, readHistory } from './history.ts'
import { leaseNotFound } from './lessor.ts'
import type { Connection } from './schema.ts'
import { type EntryRow, prepareStatements, type Statements } from './statements.ts'

/** A transaction trims as many changes, or twice what it adds: no pause, and it catches up. */
const TRIM_STEP = 256

/** The most writes one commit may have: etcd's max-txn-ops. */
const MAX_WRITES = 128

export interface HistoryLimits {
  /** Changes kept. */
  readonly changes: number
  /** Milliseconds they are kept for. */
  readonly ms: number
}

/** Where the log stands. */
interface Position extends Extent {
  revision: Revision
  change: number
  trimmedChange: number
  trimmedRevision: Revision
  /** When the oldest change that is left was made. */
  oldestMs: number
}

/**
 * Reads and writes of the store's tables. `begin`, any number of writes, then
 * `commit` or `rollback`: what was written counts, in `revision` and in history,
 * only after `commit`, which answers it as batches.
 */
export class SqliteLog implements History {
  readonly #connection: Connection
  readonly #sql: Statements
  readonly #limits: HistoryLimits
  /** Hears that a lease has got or lost keys. */
  readonly #onKeysChanged: (lease: LeaseId) => void
  #committed: Position
  #position: Position
  #batches: Batch[] = []
  #timeMs = 0

  constructor(
    connection: Connection,
    limits: HistoryLimits,
    onKeysChanged: (lease: LeaseId) => void,
  ) {
    this.#connection = connection
    this.#sql = prepareStatements(connection)
    this.#limits = limits
    this.#onKeysChanged = onKeysChanged
    this.#committed = this.#load()
    this.#position = { ...this.#committed }
  }

  get revision(): Revision {
    return this.#committed.revision
  }

  begin(): void {
    this.#sql.begin.run()
    this.#timeMs = Date.now()
  }

  /** Makes all that was written since `begin` durable and answers it. */
  commit(): readonly Batch[] {
    const batches = this.#batches
    if (batches.length > 0) this.#trim()
    this.#sql.commit.run()
    this.#committed = { ...this.#position }
    this.#batches = []
    return batches
  }

  rollback(): void {
    this.#position = { ...this.#committed }
    this.#batches = []
    // After some errors SQLite has rolled back by itself.
    if (this.#connection.inTransaction) this.#sql.rollback.run()
  }

  /** As Store.commit. All checks come first: a refused commit has written nothing. */
  write(writes: readonly Write[], cause: Cause): Revision {
    const entries = this.#check(writes)
    const revision = this.#position.revision + 1
    const changes: Change[] = []
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]
      const entry = entries[i]
      if (write === undefined || (write.value === null && entry === undefined)) continue
      const { key, value, parsed } = write
      const change = parsed === undefined ? { key, value } : { key, value, parsed }
      this.#append(change, revision, cause, entry)
      if (change.value !== null) this.#point(change.key, revision, entry, write.lease ?? null)
      changes.push(change)
    }
    return this.#finish(revision, changes, cause)
  }

  addLease(lease: LeaseId, ttlMs: number): void {
    this.#sql.addLease.run(lease, ttlMs)
  }

  /** All leases with their time to live in milliseconds. */
  leases(): readonly (readonly [LeaseId, number])[] {
    return this.#sql.leases.all()
  }

  keysOf(lease: LeaseId): readonly string[] {
    return this.#sql.keysOfLease.all(lease)
  }

  /** Deletes the lease and the keys it has at this moment. Fails with LEASE_NOT_FOUND. */
  endLease(lease: LeaseId, cause: Cause): void {
    if (this.#sql.removeLease.run(lease).changes === 0) throw leaseNotFound(lease)
    const revision = this.#position.revision + 1
    const changes: Change[] = []
    for (const key of this.keysOf(lease)) {
      const change = { key, value: null }
      this.#append(change, revision, cause, this.#sql.find.get(key))
      changes.push(change)
    }
    this.#finish(revision, changes, cause)
  }

  /** Present entries in key order, beginning with the first key that is not less than `from`. */
  pageFrom(from: string, size: number): readonly Entry[] {
    return this.#sql.pageFrom.all(from, size)
  }

  /** The same, beginning with the first key greater than `after`. */
  pageAfter(after: string, size: number): readonly Entry[] {
    return this.#sql.pageAfter.all(after, size)
  }

  readAfter(after: Revision, limit: number): readonly Batch[] {
    return readHistory(this.#sql, this.#committed, after, limit)
  }

  #load(): Position {
    const trimmed = this.#sql.trimmed.get() ?? { trimmedChange: 0, trimmedRevision: 0 }
    const last = this.#sql.lastChange.get() ?? { id: 0, revision: 0 }
    return {
      ...trimmed,
      // The last change itself may have been trimmed.
      revision: Math.max(last.revision, trimmed.trimmedRevision),
      change: Math.max(last.id, trimmed.trimmedChange),
      oldestMs: this.#timeOf(trimmed.trimmedChange + 1),
    }
  }

  /** What is there now of each key that is written. */
  #check(writes: readonly Write[]): readonly (EntryRow | undefined)[] {
    if (writes.length > MAX_WRITES) {
      throw invalid(`a commit of ${writes.length} writes: at most ${MAX_WRITES} are possible`)
    }
    if (writes.length > 1 && new Set(writes.map(({ key }) => key)).size < writes.length) {
      throw invalid('a commit that writes a key twice: each key at most once')
    }
    const entries: (EntryRow | undefined)[] = []
    let knownLease: LeaseId | undefined
    for (const { key, value, expect, lease } of writes) {
      const entry = this.#sql.find.get(key)
      if (expect !== undefined && expect !== (entry?.[1] ?? 0)) throw conflict(key, expect, entry)
      if (value !== null && lease !== undefined && lease !== knownLease) {
        if (this.#sql.hasLease.get(lease) === undefined) throw leaseNotFound(lease)
        knownLease = lease
      }
      entries.push(entry)
    }
    return entries
  }

  /** Adds a change and, for a delete, removes the entry; the value it replaces stays as history. */
  #append(change: Change, revision: Revision, cause: Cause, entry: EntryRow | undefined): void {
    const position = this.#position
    const { key, value } = change
    position.change++
    position.oldestMs = Math.min(position.oldestMs, this.#timeMs)
    const { actor, reason } = cause
    this.#sql.append.run(position.change, revision, key, value, this.#timeMs, actor, reason)
    if (entry === undefined) return
    const [entryId, , replaced, lease] = entry
    if (replaced <= position.trimmedChange) this.#sql.dropChange.run(replaced)
    if (value !== null) return
    this.#sql.remove.run(entryId)
    if (lease !== null) this.#onKeysChanged(lease)
  }

  /** Makes the entry show the last change. */
  #point(
    key: string,
    revision: Revision,
    entry: EntryRow | undefined,
    lease: LeaseId | null,
  ): void {
    const { change } = this.#position
    if (entry === undefined) this.#sql.insert.run(key, revision, change, lease)
    else this.#sql.update.run(revision, change, lease, entry[0])
    const before = entry?.[3] ?? null
    if (before === lease) return
    if (before !== null) this.#onKeysChanged(before)
    if (lease !== null) this.#onKeysChanged(lease)
  }

  #finish(revision: Revision, changes: readonly Change[], cause: Cause): Revision {
    if (changes.length === 0) return this.#position.revision
    this.#position.revision = revision
    this.#batches.push({ revision, timeMs: this.#timeMs, cause, changes })
    return revision
  }

  /** Takes the oldest changes out of history; those that entries show stay in the table. */
  #trim(): void {
    const { change, trimmedChange, oldestMs } = this.#position
    const step = Math.max(TRIM_STEP, 2 * (change - this.#committed.change))
    let last = Math.min(change - this.#limits.changes, trimmedChange + step)
    const sinceMs = this.#timeMs - this.#limits.ms
    if (oldestMs < sinceMs) {
      const end = Math.min(change, trimmedChange + step)
      const firstKept = this.#sql.firstSince.get(trimmedChange, end, sinceMs) ?? end + 1
      last = Math.max(last, firstKept - 1)
    }
    if (last <= trimmedChange) return
    const trimmedRevision = this.#sql.revisionOf.get(last) ?? 0
    this.#sql.dropHistory.run(trimmedChange, last)
    this.#sql.setTrimmed.run(last, trimmedRevision)
    this.#position.trimmedChange = last
    this.#position.trimmedRevision = trimmedRevision
    this.#position.oldestMs = this.#timeOf(last + 1)
  }

  #timeOf(change: number): number {
    return this.#sql.timeOf.get(change) ?? Number.POSITIVE_INFINITY
  }
}

const invalid = (message: string): RegistryError => new RegistryError('INVALID', message)

const conflict = (key: string, expect: Revision, entry: EntryRow | undefined): RegistryError => {
  const actual = entry === undefined ? 'does not exist' : `is at revision ${entry[1]}`
  return new RegistryError(
    'CONFLICT',
    `${key} ${actual}, not at revision ${expect}: read it again, then try again`,
  )
}
