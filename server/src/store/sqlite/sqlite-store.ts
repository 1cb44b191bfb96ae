import { randomBytes } from 'node:crypto'
import { RegistryError } from '../../model/errors.ts'
import {
  type Batch,
  type Cause,
  type Entry,
  type ExpiryGuard,
  LEASE_EXPIRED,
  type LeaseId,
  type Revision,
  type Store,
  type Write,
} from '../store.ts'
import { CommitQueue } from './commit-queue.ts'
import { closedFailure, isBroken, writeFailure } from './failures.ts'
import { Feed } from './feed.ts'
import { Lessor } from './lessor.ts'
import { Listing } from './listing.ts'
import { SqliteLog } from './log.ts'
import { type Connection, openDatabase, storeId } from './schema.ts'

export interface SqliteStoreOptions {
  /** Path of the file, made when it is not there; `:memory:` for a store that ends with the process. */
  readonly file: string
  /** Milliseconds on a clock that never goes back, for leases. Default: performance.now. */
  readonly now?: () => number
  /** Changes that watches and history can go back by. Default 100,000. */
  readonly historyLimit?: number
  /** Milliseconds they can go back by. Default 24 hours. */
  readonly historyMs?: number
  /** Closes the store. */
  readonly signal?: AbortSignal
}

const DEFAULT_HISTORY_LIMIT = 100_000
const DEFAULT_HISTORY_MS = 24 * 60 * 60 * 1000

/** How much of the file a list sees as memory: it reads pages all over it, which costs half as much. */
const MAPPED_BYTES = 1024 ** 3

/**
 * Opens the store in a SQLite file. Fails with UNAVAILABLE, at once, when another
 * process has the file or when it cannot be used; the message says what to do.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(openDatabase(options.file), options)
}

/** The store in one SQLite file (WAL, synchronous = FULL), owned by this process alone. */
export class SqliteStore implements Store {
  readonly id: string
  readonly #connection: Connection
  readonly #file: string
  readonly #log: SqliteLog
  readonly #feed: Feed
  readonly #lessor: Lessor
  readonly #queue: CommitQueue
  readonly #listings = new Set<Listing>()
  /** Leases that the transaction in hand ends. */
  #ended: LeaseId[] = []
  #failure: RegistryError | undefined

  constructor(connection: Connection, options: SqliteStoreOptions) {
    const {
      file,
      now = () => performance.now(),
      historyLimit = DEFAULT_HISTORY_LIMIT,
      historyMs = DEFAULT_HISTORY_MS,
      signal,
    } = options
    this.#connection = connection
    this.#file = file
    this.id = storeId(connection)
    this.#log = new SqliteLog(connection, { changes: historyLimit, ms: historyMs }, (lease) =>
      this.#lessor.keysChanged(lease),
    )
    this.#feed = new Feed(this.#log)
    this.#queue = new CommitQueue({
      begin: () => this.#begin(),
      commit: () => this.#commit(),
      rollback: () => this.#rollback(),
      failed: (error) => this.#failed(error),
    })
    this.#lessor = new Lessor(now, {
      keysOf: (lease) => this.#log.keysOf(lease),
      end: (lease) => this.#endDueLease(lease),
    })
    for (const [lease, ttlMs] of this.#log.leases()) this.#lessor.add(lease, ttlMs)
    signal?.addEventListener('abort', () => this.#close(closedFailure()), { once: true })
    if (signal?.aborted === true) this.#close(closedFailure())
  }

  async list(
    prefix: string,
  ): Promise<{ readonly revision: Revision; readonly entries: Iterable<Entry> }> {
    this.#checkOpen()
    if (this.#listings.size === 0) this.#connection.pragma(`mmap_size = ${MAPPED_BYTES}`)
    const entries = new Listing(prefix, this.#log, (listing) => this.#listed(listing))
    this.#listings.add(entries)
    return { revision: this.#log.revision, entries }
  }

  async commit(writes: readonly Write[], cause: Cause): Promise<Revision> {
    this.#checkOpen()
    return this.#queue.run(writes.length, () => this.#log.write(writes, cause))
  }

  watch(after: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    this.#checkOpen()
    return this.#feed.watch(after, signal)
  }

  async grantLease(ttlMs: number): Promise<LeaseId> {
    this.#checkOpen()
    if (!Number.isSafeInteger(ttlMs) || ttlMs <= 0) {
      throw new RegistryError('INVALID', `lease of ${ttlMs} ms: give whole milliseconds above 0`)
    }
    // Ids never come again, not in a new file either: a late beat must not find a stranger's lease.
    const lease = randomBytes(8).toString('hex')
    await this.#queue.run(1, () => this.#log.addLease(lease, ttlMs))
    this.#lessor.add(lease, ttlMs)
    return lease
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    this.#checkOpen()
    return this.#lessor.keepAlive(lease)
  }

  async revokeLease(lease: LeaseId, cause: Cause): Promise<void> {
    this.#checkOpen()
    await this.#queue.run(1, () => this.#endLease(lease, cause))
  }

  guardExpiry(guard: ExpiryGuard): void {
    this.#lessor.guardExpiry(guard)
  }

  async close(): Promise<void> {
    this.#close(closedFailure())
  }

  #listed(listing: Listing): void {
    this.#listings.delete(listing)
    if (this.#listings.size === 0) this.#connection.pragma('mmap_size = 0')
  }

  #checkOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #begin(): void {
    for (const listing of this.#listings) listing.freeze()
    this.#log.begin()
  }

  #commit(): void {
    const batches = this.#log.commit()
    for (const lease of this.#ended) this.#lessor.remove(lease)
    this.#ended = []
    for (const batch of batches) this.#feed.publish(batch)
  }

  #rollback(): void {
    this.#ended = []
    this.#log.rollback()
  }

  #failed(error: unknown): RegistryError {
    const failure = writeFailure(error, this.#file)
    if (isBroken(error)) this.#close(failure)
    return failure
  }

  #endLease(lease: LeaseId, cause: Cause): void {
    this.#log.endLease(lease, cause)
    this.#ended.push(lease)
  }

  #endDueLease(lease: LeaseId): Promise<void> {
    return this.#queue.run(1, () => {
      // A beat may have come while this waited for its transaction.
      if (this.#lessor.isDue(lease)) this.#endLease(lease, LEASE_EXPIRED)
    })
  }

  #close(reason: RegistryError): void {
    if (this.#failure !== undefined) return
    this.#lessor.close()
    // Writing out what waits may fail, and then has closed the store already.
    if (reason.cause === undefined) this.#queue.flush()
    if (this.#failure !== undefined) return
    this.#failure = reason
    this.#queue.fail(reason)
    this.#feed.close(reason)
    this.#connection.close()
  }
}
