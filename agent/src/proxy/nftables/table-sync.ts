import { setTimeout as delay, setImmediate } from 'node:timers/promises'
import type { Logger } from 'pino'
import { applyScript, findTables, hasTables } from './nft.ts'
import type { Ruleset } from './ruleset.ts'

/**
 * Between the end of one update and the next, in milliseconds: changes of a burst go
 * together. A change after quiet waits for nothing.
 */
const PAUSE_MS = 20
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000

export interface TableSyncOptions {
  readonly ruleset: Ruleset
  /** Brings the ruleset up to date, or nearer to it. */
  readonly update: () => RulesetUpdate
  /** An update is in force. `full`: everything was made anew, whatever was there before. */
  readonly onApplied: (kind: 'full' | 'delta', signal: AbortSignal) => Promise<void>
  /** How often to look whether the tables are still there, in milliseconds. */
  readonly lookIntervalMs: number
  readonly log: Logger
}

export interface RulesetUpdate {
  /** Makes the script that does the same to the kernel. */
  readonly delta: () => string
  /** The ruleset is not up to date yet. */
  readonly hasMore: boolean
}

/**
 * Keeps the kernel's tables as the ruleset has them: one nft at a time, small scripts
 * for small changes, and everything anew at the start, after an error, and when the
 * tables are gone.
 */
export class TableSync {
  readonly #options: TableSyncOptions
  readonly #stopping = new AbortController()
  readonly #looking: NodeJS.Timeout
  #isDue = false
  #needsFull = true
  #retryMs = FIRST_RETRY_MS
  #notBeforeMs = 0
  #running: Promise<void> | undefined

  constructor(options: TableSyncOptions) {
    this.#options = options
    this.#looking = setInterval(() => void this.#look(), options.lookIntervalMs).unref()
  }

  /** Something has changed. */
  sync(): void {
    this.#isDue = true
    this.#running ??= this.#run(this.#stopping.signal)
  }

  /** Resolves when nothing is left to do, or close() gives it up. */
  async settled(): Promise<void> {
    await this.#running
  }

  /** Stops. The rules stay, and so does the traffic. */
  async close(): Promise<void> {
    clearInterval(this.#looking)
    this.#stopping.abort()
    await this.#running
  }

  /** Makes everything anew if somebody has removed the tables. */
  async #look(): Promise<void> {
    if (this.#running || this.#needsFull) return
    const isThere = await hasTables().catch(() => true)
    if (isThere || this.#stopping.signal.aborted) return
    this.#options.log.warn('the nftables tables are gone: making them anew')
    this.#needsFull = true
    this.sync()
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      // In the next turn, so that the changes of this one go together.
      await this.#wait(this.#notBeforeMs - performance.now())
      while (this.#isDue && !signal.aborted) {
        this.#isDue = false
        const waitMs = await this.#step(signal)
        this.#notBeforeMs = performance.now() + waitMs
        if (this.#isDue) await this.#wait(waitMs)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      // In the same turn as the last look at what is due, or a change could be missed.
      this.#running = undefined
    }
  }

  async #wait(ms: number): Promise<void> {
    await delay(Math.max(0, ms), undefined, { signal: this.#stopping.signal, ref: false })
  }

  /** One update; answers how long to wait before the next, in milliseconds. */
  async #step(signal: AbortSignal): Promise<number> {
    const { onApplied, log } = this.#options
    const startMs = performance.now()
    const kind = this.#needsFull ? 'full' : 'delta'
    try {
      await (kind === 'full' ? this.#applyAll(signal) : this.#applyDelta(signal))
      this.#needsFull = false
      this.#retryMs = FIRST_RETRY_MS
      const ms = Math.round(performance.now() - startMs)
      log[kind === 'full' ? 'info' : 'debug']({ kind, ms }, 'nftables updated')
    } catch (error) {
      return signal.aborted ? 0 : this.#fail(error)
    }
    await onApplied(kind, signal)
    return PAUSE_MS
  }

  async #applyDelta(signal: AbortSignal): Promise<void> {
    const { delta, hasMore } = this.#options.update()
    if (hasMore) this.#isDue = true
    const script = delta()
    if (script !== '') await applyScript([script], signal)
  }

  async #applyAll(signal: AbortSignal): Promise<void> {
    const { ruleset, update } = this.#options
    const found = await findTables()
    while (update().hasMore) await setImmediate(undefined, { signal })
    await applyScript(ruleset.full(found), signal)
  }

  /** What the kernel has is not known any more: the next update makes everything anew. */
  #fail(error: unknown): number {
    const retryInMs = this.#retryMs * (1 + Math.random() / 2)
    this.#options.log.error(
      { reason: error instanceof Error ? error.message : error, retryInMs: Math.round(retryInMs) },
      'nftables update failed: the former rules are in force',
    )
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
    this.#needsFull = true
    this.#isDue = true
    return retryInMs
  }
}
