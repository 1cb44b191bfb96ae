/** Whether the pod can serve. What throws, and any answer but true, is a no. */
export type ReadinessCheck = () => boolean | Promise<boolean>

export interface ReadinessPollOptions {
  readonly check: ReadinessCheck
  /** Between the end of one check and the next, in milliseconds. */
  readonly periodMs: number
  /** An answer that takes longer is a no, in milliseconds. */
  readonly timeoutMs: number
  readonly onResult: (isReady: boolean) => void
}

/**
 * Asks a check again and again, the first time at once, until it is closed. A
 * check that has not answered is not asked anew: one that hangs hangs once. Does
 * not keep the process alive.
 */
export class ReadinessPoll {
  readonly #options: ReadinessPollOptions
  #timer: NodeJS.Timeout | undefined
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
    const { check, periodMs, timeoutMs } = this.#options
    let isLate = false
    this.#timer = setTimeout(() => {
      isLate = true
      this.#report(false)
    }, timeoutMs).unref()
    const isReady = await answerOf(check)
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    if (!isLate) this.#report(isReady)
    this.#timer = setTimeout(() => void this.#ask(), periodMs).unref()
  }

  #report(isReady: boolean): void {
    if (!this.#isClosed) this.#options.onResult(isReady)
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
