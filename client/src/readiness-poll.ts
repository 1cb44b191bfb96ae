import { MAX_TIMER_MS } from './retry.ts'

/** Whether the pod can serve. What throws, and any answer but true, is a no. */
export type ReadinessCheck = () => boolean | Promise<boolean>

export interface ReadinessPollOptions {
  readonly check: ReadinessCheck
  /** Between the answer to one check, or its timeout, and the next, in milliseconds. */
  readonly periodMs: number
  /** An answer that takes longer is a no, in milliseconds. */
  readonly timeoutMs: number
  readonly onResult: (isReady: boolean) => void
}

/**
 * Asks a check again and again, the first time at once, until it is closed. One
 * that hangs is asked anew, with a further period in between for each that still
 * hangs: they never stop it, and hardly pile up. Does not keep the process alive.
 */
export class ReadinessPoll {
  readonly #options: ReadinessPollOptions
  #timer: NodeJS.Timeout | undefined
  /** Checks that have not answered. */
  #pending = 0
  #isClosed = false

  constructor(options: ReadinessPollOptions) {
    this.#options = options
    void this.#ask()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #ask(): Promise<void> {
    const { check, periodMs, timeoutMs, onResult } = this.#options
    const tooLate = new Promise<false>((resolve) => {
      this.#timer = setTimeout(resolve, timeoutMs, false).unref()
    })
    this.#pending += 1
    const answer = answerOf(check).finally(() => {
      this.#pending -= 1
    })
    const isReady = await Promise.race([answer, tooLate])
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    onResult(isReady)
    const delayMs = Math.min(periodMs * (1 + this.#pending), MAX_TIMER_MS)
    this.#timer = setTimeout(() => void this.#ask(), delayMs).unref()
  }
}

async function answerOf(check: ReadinessCheck): Promise<boolean> {
  try {
    return (await check()) === true
  } catch {
    // The check is the user's and so are its errors; to us they are a no.
    return false
  }
}
