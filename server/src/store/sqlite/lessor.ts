import { RegistryError } from '../../model/errors.ts'
import type { DueLease, ExpiryGuard, LeaseId } from '../store.ts'

/** How often leases that ran out are looked for. */
const SWEEP_MS = 100

/**
 * A sweep that comes this long after the one before says that this process was
 * not running: a stalled event loop, SIGSTOP, a suspended machine. Two missed
 * sweeps and a half; less is the jitter of a busy machine.
 */
const STALL_MS = 250

/** What the lessor needs of the store. */
export interface LeaseHolder {
  /** The keys that go with the lease. */
  keysOf(lease: LeaseId): readonly string[]
  /** Ends the lease if it still is due then, and calls `remove` once that is durable. */
  end(lease: LeaseId): Promise<void>
}

interface Lease {
  readonly id: LeaseId
  readonly ttlMs: number
  /** On the lessor's clock. */
  deadlineMs: number
  /** What the guard was last told of it, as long as that holds. */
  due: DueLease | undefined
  isEnding: boolean
}

/**
 * Deadlines of leases, in memory. A beat writes one number. Leases lie in
 * buckets of one sweep interval by the deadline they had when they were put
 * there; a bucket that comes up puts those that were renewed back in, so that a
 * sweep costs what comes up and not what there is. A lease ends no earlier than
 * its TTL after the last beat and less than 500 ms later. Time in which this
 * process was not running counts for nobody: its clock stands still meanwhile.
 */
export class Lessor {
  readonly #now: () => number
  readonly #holder: LeaseHolder
  readonly #leases = new Map<LeaseId, Lease>()
  readonly #buckets = new Map<number, Lease[]>()
  /** Leases past their deadline that nobody has ended yet. */
  readonly #overdue = new Set<Lease>()
  readonly #timer: NodeJS.Timeout
  #guard: ExpiryGuard | undefined
  #seenMs: number
  #lostMs = 0
  #bucket: number

  /** `now`: milliseconds on a clock that never goes back. */
  constructor(now: () => number, holder: LeaseHolder) {
    this.#now = now
    this.#holder = holder
    this.#seenMs = now()
    this.#bucket = Math.floor(this.#seenMs / SWEEP_MS)
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  guardExpiry(guard: ExpiryGuard): void {
    this.#guard = guard
  }

  /** Starts a lease's full time. */
  add(id: LeaseId, ttlMs: number): void {
    const deadlineMs = this.#clockMs() + ttlMs
    const lease: Lease = { id, ttlMs, deadlineMs, due: undefined, isEnding: false }
    this.#leases.set(id, lease)
    this.#place(lease)
  }

  /** Starts the lease's full time again and answers it. Fails with LEASE_NOT_FOUND. */
  keepAlive(id: LeaseId): number {
    const lease = this.#leases.get(id)
    if (lease === undefined) throw leaseNotFound(id)
    lease.deadlineMs = this.#clockMs() + lease.ttlMs
    if (this.#overdue.delete(lease)) this.#place(lease)
    return lease.ttlMs
  }

  /** Whether the lease has run out and not been renewed since. */
  isDue(id: LeaseId): boolean {
    const lease = this.#leases.get(id)
    return lease !== undefined && this.#overdue.has(lease)
  }

  /** Forgets a lease that has ended. */
  remove(id: LeaseId): void {
    const lease = this.#leases.get(id)
    if (lease === undefined) return
    this.#leases.delete(id)
    this.#overdue.delete(lease)
  }

  /** Notes that the lease has got or lost keys. */
  keysChanged(id: LeaseId): void {
    if (this.#overdue.size === 0) return
    const lease = this.#leases.get(id)
    if (lease !== undefined) lease.due = undefined
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Now, without the time in which this process was not running. */
  #clockMs(): number {
    const nowMs = this.#now()
    const gapMs = nowMs - this.#seenMs
    if (gapMs > STALL_MS) {
      this.#lostMs += gapMs - SWEEP_MS
      this.#seenMs = nowMs
    }
    return nowMs - this.#lostMs
  }

  #place(lease: Lease): void {
    lease.due = undefined
    const bucket = Math.ceil(lease.deadlineMs / SWEEP_MS)
    const leases = this.#buckets.get(bucket)
    if (leases === undefined) this.#buckets.set(bucket, [lease])
    else leases.push(lease)
  }

  #sweep(): void {
    const clockMs = this.#clockMs()
    this.#seenMs = this.#now()
    const current = Math.floor(clockMs / SWEEP_MS)
    while (this.#bucket < current) {
      const leases = this.#buckets.get(++this.#bucket) ?? []
      this.#buckets.delete(this.#bucket)
      for (const lease of leases) this.#comesUp(lease, clockMs)
    }
    if (this.#overdue.size > 0) this.#endOverdue()
  }

  #comesUp(lease: Lease, clockMs: number): void {
    if (this.#leases.get(lease.id) !== lease) return
    if (lease.deadlineMs > clockMs) this.#place(lease)
    else this.#overdue.add(lease)
  }

  #endOverdue(): void {
    const due = [...this.#overdue].filter((lease) => !lease.isEnding)
    const kept = this.#guard?.(due.map((lease) => this.#dueLease(lease)))
    for (const lease of due) {
      if (kept?.has(lease.id) === true) continue
      lease.isEnding = true
      const settled = () => {
        lease.isEnding = false
      }
      // A lease that could not be ended stays overdue: the next sweep tries again.
      this.#holder.end(lease.id).then(settled, settled)
    }
  }

  #dueLease(lease: Lease): DueLease {
    lease.due ??= { lease: lease.id, keys: this.#holder.keysOf(lease.id) }
    return lease.due
  }
}

/** The error for a lease that is not there. */
export const leaseNotFound = (lease: LeaseId): RegistryError =>
  new RegistryError(
    'LEASE_NOT_FOUND',
    `lease ${JSON.stringify(lease)} has run out or never was: grant a new one and register again`,
  )
