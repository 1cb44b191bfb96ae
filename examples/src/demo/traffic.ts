import { Tally } from './tally.ts'

/** Calls a second. Enough to see every pod often, little enough for a small machine. */
export const CALLS_PER_SECOND = 200

/** A call without an answer for so long has failed. */
const CALL_TIMEOUT_MS = 2_000

/** One call; resolves to the name of the pod that answered. */
export type Call = (signal: AbortSignal) => Promise<string>

/** Calls all the time, at an even rate, and counts in whatever tally is current. */
export class Traffic {
  readonly #call: Call
  readonly #waiting = new Set<() => void>()
  #tally = new Tally()
  #open = 0
  #timer: NodeJS.Timeout | undefined

  constructor(call: Call) {
    this.#call = call
  }

  get tally(): Tally {
    return this.#tally
  }

  /** Calls under way, whatever tally they count in. */
  get open(): number {
    return this.#open
  }

  /** Calls that begin from now on are counted in a new tally, which is returned. */
  turnPage(): Tally {
    this.#tally = new Tally()
    return this.#tally
  }

  start(): void {
    let sent = 0
    const startedAt = performance.now()
    this.#timer = setInterval(() => {
      // By the clock and not by the tick: a late tick sends what it missed.
      const due = ((performance.now() - startedAt) / 1000) * CALLS_PER_SECOND
      for (; sent < due; sent += 1) void this.#one()
    }, 1000 / CALLS_PER_SECOND)
  }

  /** No new calls; those under way end as they do. */
  stop(): void {
    clearInterval(this.#timer)
  }

  /** Resolves when `holds` does, asked after every call. Rejects when `signal` aborts. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!signal.aborted && !holds()) return
        this.#waiting.delete(check)
        signal.removeEventListener('abort', check)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      this.#waiting.add(check)
      signal.addEventListener('abort', check)
      check()
    })
  }

  async #one(): Promise<void> {
    const tally = this.#tally
    this.#open += 1
    try {
      tally.answer(await this.#call(AbortSignal.timeout(CALL_TIMEOUT_MS)))
    } catch (error) {
      tally.fail(error)
    }
    this.#open -= 1
    for (const check of this.#waiting) check()
  }
}
