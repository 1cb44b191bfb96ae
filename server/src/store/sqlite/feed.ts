import type { RegistryError } from '../../model/errors.ts'
import type { Batch, Revision } from '../store.ts'

/** Batches a watcher may be behind in memory; from there on it reads them from the log. */
const MAX_QUEUED = 4096

/** Changes read from the log in one go. */
const LOG_CHUNK = 1024

/** The stored history, as far as it goes back. */
export interface History {
  /** Revision of the last commit. */
  readonly revision: Revision
  /**
   * The first commits after a revision, whole, some `limit` changes of them; none only when there
   * are none. Fails with COMPACTED.
   */
  readAfter(after: Revision, limit: number): readonly Batch[]
}

/**
 * Hands commits to watchers. A watcher first reads the log; the step that finds
 * the log at its end also makes the watcher live, and no commit can come in
 * between because both are synchronous. One that falls too far behind goes back
 * to reading the log, so that memory stays bounded.
 */
export class Feed {
  readonly #history: History
  readonly #watchers = new Set<Watcher>()

  constructor(history: History) {
    this.#history = history
  }

  /** Every commit after `after`, until the signal aborts. Nothing is missed before the first read. */
  watch(after: Revision, signal: AbortSignal): AsyncIterable<Batch> {
    const watcher = new Watcher(this.#history, after, () => {
      this.#watchers.delete(watcher)
      signal.removeEventListener('abort', end)
    })
    const end = () => watcher.end()
    this.#watchers.add(watcher)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) watcher.end()
    return watcher
  }

  /** Hands a commit to all watchers; all share the one object. */
  publish(batch: Batch): void {
    for (const watcher of this.#watchers) watcher.offer(batch)
  }

  /** Ends all watches with an error. */
  close(error: RegistryError): void {
    for (const watcher of this.#watchers) watcher.end(error)
  }
}

interface Reader {
  readonly resolve: (result: IteratorResult<Batch>) => void
  readonly reject: (error: unknown) => void
}

const DONE: IteratorResult<Batch> = { value: undefined, done: true }

class Watcher implements AsyncIterableIterator<Batch> {
  readonly #history: History
  readonly #onEnd: () => void
  /** Revision of the last batch that was read. */
  #position: Revision
  #isLive = false
  #queue: Batch[] = []
  /** Index of the next batch to read: shifting a long array would cost its length. */
  #head = 0
  #readers: Reader[] = []
  #hasEnded = false
  #error: unknown

  constructor(history: History, after: Revision, onEnd: () => void) {
    this.#history = history
    this.#position = after
    this.#onEnd = onEnd
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Batch>> {
    if (!this.#hasEnded && this.#isDrained && !this.#isLive) this.#readLog()
    const batch = this.#queue[this.#head]
    if (batch !== undefined) return Promise.resolve(this.#take(batch))
    if (this.#error !== undefined) {
      const error = this.#error
      this.#error = undefined
      return Promise.reject(error)
    }
    if (this.#hasEnded) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<Batch>> {
    this.end()
    return Promise.resolve(DONE)
  }

  /** Takes a new commit in; while the log is still being read, it is found there. */
  offer(batch: Batch): void {
    if (!this.#isLive || batch.revision <= this.#position) return
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      this.#position = batch.revision
      reader.resolve({ value: batch, done: false })
      return
    }
    this.#queue.push(batch)
    if (this.#queue.length - this.#head <= MAX_QUEUED) return
    this.#isLive = false
    this.#clear()
  }

  end(error?: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#clear()
    this.#onEnd()
    const readers = this.#readers
    this.#readers = []
    for (const { resolve, reject } of readers) error === undefined ? resolve(DONE) : reject(error)
    if (readers.length === 0) this.#error = error
  }

  get #isDrained(): boolean {
    return this.#head === this.#queue.length
  }

  #readLog(): void {
    try {
      this.#clear()
      this.#queue.push(...this.#history.readAfter(this.#position, LOG_CHUNK))
      const last = this.#queue.at(-1)?.revision ?? this.#position
      this.#isLive = last >= this.#history.revision
    } catch (error) {
      this.end(error)
    }
  }

  #take(batch: Batch): IteratorResult<Batch> {
    this.#head++
    this.#position = batch.revision
    if (this.#isDrained) this.#clear()
    return { value: batch, done: false }
  }

  #clear(): void {
    this.#queue = []
    this.#head = 0
  }
}
