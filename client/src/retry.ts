import { setTimeout as sleep } from 'node:timers/promises'

/** Greatest delay a timer can have, in milliseconds. */
export const MAX_TIMER_MS = 2_147_483_647

export interface BackoffOptions {
  /** Greatest first delay, in milliseconds. Default 200. */
  readonly initialMs?: number
  /** By how much the greatest delay grows with each failure. Default 1.6. */
  readonly factor?: number
  /** Greatest delay of all, in milliseconds. Default 5,000. */
  readonly maxMs?: number
  /** An attempt that lived this long makes the next delay the first again. Default 10,000. */
  readonly healthyMs?: number
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

/**
 * Delays between attempts: uniform between 0 and min(maxMs, initialMs * factor^n),
 * which is "full jitter" (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/),
 * so that clients that lost the same registry do not come back together.
 */
export class Backoff {
  readonly #initialMs: number
  readonly #factor: number
  readonly #maxMs: number
  readonly #healthyMs: number
  readonly #now: () => number
  readonly #random: () => number
  #ceilingMs: number
  #startedAt = Number.NaN

  constructor(options: BackoffOptions = {}) {
    this.#initialMs = options.initialMs ?? 200
    this.#factor = options.factor ?? 1.6
    this.#maxMs = options.maxMs ?? 5_000
    this.#healthyMs = options.healthyMs ?? 10_000
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    this.#ceilingMs = this.#initialMs
  }

  /** Call when an attempt begins. */
  started(): void {
    this.#startedAt = this.#now()
  }

  /** Call when an attempt has failed: how long to wait before the next, in milliseconds. */
  nextDelayMs(): number {
    if (this.#now() - this.#startedAt >= this.#healthyMs) this.#ceilingMs = this.#initialMs
    const delayMs = this.#random() * this.#ceilingMs
    this.#ceilingMs = Math.min(this.#maxMs, this.#ceilingMs * this.#factor)
    return delayMs
  }
}

/** Waits without keeping the process alive; ends early, without an error, when the signal aborts. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { ref: false, signal })
  } catch {
    // The only error there is: the signal aborted, and the caller looks at it anyway.
  }
}
