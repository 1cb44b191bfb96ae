import { RegistryError } from '../../model/errors.ts'

/** Writes one transaction takes: the event loop stands still for it, some 20 ms at most. */
const MAX_TRANSACTION_WRITES = 2000

/** Writes that may wait; far more than callers with a deadline can still use. */
const MAX_WAITING_WRITES = 100_000

/** A transaction's ends. */
export interface Transactions {
  begin(): void
  /** Makes the transaction durable and hands out what it brought. */
  commit(): void
  rollback(): void
  /** The error for the callers of a transaction that failed and was rolled back. */
  failed(error: unknown): RegistryError
}

interface Task {
  readonly writes: number
  /** Runs inside the transaction; answers how to tell the caller, once it is durable. */
  run(): () => void
  reject(error: RegistryError): void
}

/**
 * Group commit: all the work of one turn of the event loop goes into one
 * transaction, and so shares one fsync.
 */
export class CommitQueue {
  readonly #transactions: Transactions
  #tasks: Task[] = []
  #waitingWrites = 0
  #immediate: NodeJS.Immediate | undefined

  constructor(transactions: Transactions) {
    this.#transactions = transactions
  }

  /**
   * Runs the work inside the next transaction and answers its result when that
   * is durable. Work that fails with a RegistryError must not have written
   * anything: the rest of the transaction goes on. Fails with EXHAUSTED when too
   * many writes wait, UNAVAILABLE when the transaction could not be written.
   */
  run<T>(writes: number, work: () => T): Promise<T> {
    if (this.#waitingWrites + writes > MAX_WAITING_WRITES) {
      const message = `${this.#waitingWrites} writes wait for the disk: try again later`
      return Promise.reject(new RegistryError('EXHAUSTED', message))
    }
    return new Promise((resolve, reject) => {
      this.#waitingWrites += writes
      this.#tasks.push({ writes, run: () => settle(work, resolve, reject), reject })
      this.#schedule()
    })
  }

  /** Writes all that waits, now. */
  flush(): void {
    while (this.#tasks.length > 0) this.#runTransaction()
  }

  /** Tells all who wait that nothing will be written any more. */
  fail(error: RegistryError): void {
    for (const task of this.#take(Number.POSITIVE_INFINITY)) task.reject(error)
  }

  #schedule(): void {
    if (this.#immediate !== undefined || this.#tasks.length === 0) return
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#runTransaction()
      this.#schedule()
    })
  }

  #runTransaction(): void {
    const tasks = this.#take(MAX_TRANSACTION_WRITES)
    if (tasks.length === 0) return
    try {
      this.#transactions.begin()
      const answers = tasks.map((task) => task.run())
      this.#transactions.commit()
      for (const answer of answers) answer()
    } catch (error) {
      this.#transactions.rollback()
      const failure = this.#transactions.failed(error)
      for (const task of tasks) task.reject(failure)
    }
  }

  #take(maxWrites: number): readonly Task[] {
    let writes = 0
    let count = 0
    for (const task of this.#tasks) {
      if (count > 0 && writes + task.writes > maxWrites) break
      writes += task.writes
      count++
    }
    this.#waitingWrites -= writes
    return this.#tasks.splice(0, count)
  }
}

function settle<T>(
  work: () => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): () => void {
  try {
    const value = work()
    return () => resolve(value)
  } catch (error) {
    // Anything else has failed half-way: the transaction must not go on.
    if (!(error instanceof RegistryError)) throw error
    return () => reject(error)
  }
}
