/**
 * The store port: a revisioned log of keys, the least that SQLite and etcd both
 * do well. One watcher per process (the view) follows it; everything that fans
 * out does so above, on state.
 */

/** A point in the store's history. Every commit takes the next one; the first commit is 1. */
export type Revision = number

/** Opaque: engines number leases each in their own way. */
export type LeaseId = string

export interface Write {
  readonly key: string
  /** The new value, JSON text; null deletes the key. */
  readonly value: string | null
  /** What `value` says, where the writer has it: watches in this process need not parse it again. */
  readonly parsed?: unknown
  /** The key's revision this write relies on; 0 means "does not exist"; absent means "whatever it is". */
  readonly expect?: Revision
  /** The key goes when this lease does. Ignored for deletes. */
  readonly lease?: LeaseId
}

/** Who changed something and why: kept with each change. */
export interface Cause {
  /** Who: a client's name or address, or `registry`. */
  readonly actor: string
  /** Why, in a word or a short sentence: `register`, `lease expired`. */
  readonly reason: string
}

/** The cause of the deletes that the end of a lease brings. */
export const LEASE_EXPIRED: Cause = { actor: 'registry', reason: 'lease expired' }

export interface Change {
  readonly key: string
  /** null: deleted. */
  readonly value: string | null
  /** What `value` says, where an engine can hand it on from the write. Not to be altered. */
  readonly parsed?: unknown
}

/** All the changes of one commit. A batch without changes says only that the store is at `revision`. */
export interface Batch {
  readonly revision: Revision
  /** When it was committed, milliseconds since the epoch. */
  readonly timeMs: number
  readonly cause: Cause
  readonly changes: readonly Change[]
}

export interface Entry {
  readonly key: string
  readonly value: string
  /** Revision at which the key last changed. */
  readonly revision: Revision
}

/** A lease that has run out and is about to be ended. */
export interface DueLease {
  readonly lease: LeaseId
  /** The keys that would go with it. */
  readonly keys: readonly string[]
}

/**
 * Asked before leases that ran out are ended, each time the engine looks: the
 * leases it answers with are kept for now and will be asked about again.
 */
export type ExpiryGuard = (due: readonly DueLease[]) => ReadonlySet<LeaseId>

export interface Store {
  /** Names this history: a client that holds revisions of another one must start afresh. */
  readonly id: string
  /** Every entry whose key starts with `prefix`, in key order, as of one revision. */
  list(prefix: string): Promise<{ readonly revision: Revision; readonly entries: Iterable<Entry> }>
  /**
   * Applies all the writes or none, durably; each key at most once, at most 128
   * writes (etcd's max-txn-ops). When it answers, every watch has been handed the
   * batch or will be before anything later. Deleting a key that is not there
   * changes nothing; a commit that changes nothing answers the current revision.
   * Fails with CONFLICT when an `expect` does not hold, LEASE_NOT_FOUND when a
   * lease is gone.
   */
  commit(writes: readonly Write[], cause: Cause): Promise<Revision>
  /**
   * Every commit after `after`, in order, none twice, none missing, until the
   * signal aborts. Fails with COMPACTED when part of that history is gone: list
   * again, then watch from there.
   */
  watch(after: Revision, signal: AbortSignal): AsyncIterable<Batch>
  /** A lease that ends `ttlMs` milliseconds after its last keepAlive; engines may round up by 500 ms. */
  grantLease(ttlMs: number): Promise<LeaseId>
  /** Renews the lease and answers its time to live, in milliseconds. Fails with LEASE_NOT_FOUND when it has run out. */
  keepAlive(lease: LeaseId): Promise<number>
  /** Ends the lease and deletes its keys in one commit. Fails with LEASE_NOT_FOUND. */
  revokeLease(lease: LeaseId, cause: Cause): Promise<void>
  /** Sets who is asked before leases end; without one, all that ran out end. */
  guardExpiry(guard: ExpiryGuard): void
  /** Stops the clock of all leases, writes out what is pending and lets go of the file. */
  close(): Promise<void>
}
