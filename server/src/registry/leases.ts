import { setImmediate as nextTurn } from 'node:timers/promises'
import { RegistryError } from '../model/errors.ts'
import { keyOf } from '../model/keys.ts'
import type { Disconnected } from '../model/pod.ts'
import type { Cause, LeaseId, Store } from '../store/store.ts'
import type { Commits } from './commits.ts'
import type { View } from './view.ts'

/** Bounds and default of a lease's time to live, in milliseconds. */
const TTL_MS = { min: 1_000, max: 3_600_000, default: 15_000 } as const

/** How long a stream may be away before the pods of its leases count as not ready. */
const GRACE_MS = 1_000

/** One KeepAlive stream. */
export interface BeatStream {
  /** Renews a lease; answers its time to live in milliseconds, undefined when it has run out. */
  beat(lease: LeaseId): Promise<number | undefined>
  /** The stream ended: `goodbye` when the client closed it on purpose. */
  end(how: 'goodbye' | 'broken'): void
}

/**
 * Leases and the streams they beat on. The engine knows when a lease has run
 * out; here is the faster signal, a stream that breaks. It is stored as one mark
 * per lease, so that every reader sees it at a revision and a restart keeps it.
 */
export class Leases {
  readonly #store: Store
  readonly #view: View
  readonly #commits: Commits
  readonly #onBeat: (lease: LeaseId) => void
  /** Number of open streams each lease was heard on. */
  readonly #streams = new Map<LeaseId, number>()
  readonly #grace = new Map<LeaseId, NodeJS.Timeout>()
  #isStopping = false

  constructor(store: Store, view: View, commits: Commits, onBeat: (lease: LeaseId) => void) {
    this.#store = store
    this.#view = view
    this.#commits = commits
    this.#onBeat = onBeat
  }

  /** A new lease; 0 asks for the default time to live. */
  async grant(ttlMs: number): Promise<{ readonly lease: LeaseId; readonly ttlMs: number }> {
    const wanted = ttlMs === 0 ? TTL_MS.default : ttlMs
    if (wanted < TTL_MS.min || wanted > TTL_MS.max) {
      const description = `Invalid value: ${wanted}: must be between ${TTL_MS.min} and ${TTL_MS.max}`
      throw new RegistryError('INVALID', `ttl_ms: ${description}`, {
        violations: [{ field: 'ttl_ms', description }],
      })
    }
    return { lease: await this.#store.grantLease(wanted), ttlMs: wanted }
  }

  async revoke(lease: LeaseId, cause: Cause): Promise<void> {
    this.#forget(lease)
    await this.#store.revokeLease(lease, cause)
    await this.#view.reached(this.#view.revision)
  }

  /** A KeepAlive stream has opened. */
  open(): BeatStream {
    const heard = new Set<LeaseId>()
    return {
      beat: async (lease) => {
        try {
          const ttlMs = await this.#store.keepAlive(lease)
          if (!heard.has(lease)) {
            heard.add(lease)
            this.#streams.set(lease, (this.#streams.get(lease) ?? 0) + 1)
          }
          this.#onBeat(lease)
          await this.#isBack(lease)
          return ttlMs
        } catch (error) {
          if (error instanceof RegistryError && error.code === 'LEASE_NOT_FOUND') {
            this.#forget(lease)
            if (heard.delete(lease)) this.#streams.delete(lease)
            return undefined
          }
          throw error
        }
      },
      end: (how) => {
        for (const lease of heard) this.#streamEnded(lease, how)
        heard.clear()
      },
    }
  }

  /** The registry stops: from here on broken streams are its own doing. */
  stop(): void {
    this.#isStopping = true
    for (const timer of this.#grace.values()) clearTimeout(timer)
    this.#grace.clear()
  }

  #streamEnded(lease: LeaseId, how: 'goodbye' | 'broken'): void {
    const left = (this.#streams.get(lease) ?? 0) - 1
    if (left > 0) {
      this.#streams.set(lease, left)
      return
    }
    this.#streams.delete(lease)
    if (how === 'broken') this.#startGrace(lease)
  }

  #startGrace(lease: LeaseId): void {
    if (this.#isStopping || this.#grace.has(lease)) return
    const timer = setTimeout(() => void this.#graceOver(lease), GRACE_MS)
    timer.unref()
    this.#grace.set(lease, timer)
  }

  async #graceOver(lease: LeaseId): Promise<void> {
    // If it was this process that stood still, the client's new stream is waiting
    // in the socket: let it be read first.
    await nextTurn()
    this.#grace.delete(lease)
    if (this.#isStopping || this.#streams.has(lease)) return
    if (this.#view.podsOfLease(lease).size === 0) return
    const mark: Disconnected = { since: new Date().toISOString() }
    const write = { key: keyOf('disconnected', lease), value: JSON.stringify(mark), lease }
    const marked = await this.#settle(
      this.#commits.commit([write], { actor: 'registry', reason: 'lease stream broke' }),
    )
    if (marked === 'later') this.#startGrace(lease)
    // It may have come back while the mark was on its way.
    if (this.#streams.has(lease)) await this.#isBack(lease)
  }

  async #isBack(lease: LeaseId): Promise<void> {
    clearTimeout(this.#grace.get(lease))
    this.#grace.delete(lease)
    if (!this.#view.marks.disconnected.has(lease)) return
    const write = { key: keyOf('disconnected', lease), value: null }
    await this.#settle(
      this.#commits.commit([write], { actor: 'registry', reason: 'lease stream is back' }),
    )
  }

  #forget(lease: LeaseId): void {
    clearTimeout(this.#grace.get(lease))
    this.#grace.delete(lease)
  }

  /**
   * A mark may come too late for its lease, or for the store: then there is nothing
   * left to mark. `later`: too much is being written right now.
   */
  async #settle(commit: Promise<unknown>): Promise<'done' | 'later'> {
    try {
      await commit
      return 'done'
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error
      if (error.code === 'EXHAUSTED') return 'later'
      if (error.code === 'LEASE_NOT_FOUND' || error.code === 'UNAVAILABLE') return 'done'
      throw error
    }
  }
}
