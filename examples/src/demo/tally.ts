/** Kinds of errors a tally tells apart; more are only counted. */
const KEPT_ERRORS = 5

/** What became of the calls of one stretch of time. */
export class Tally {
  readonly #perPod = new Map<string, number>()
  readonly #errors = new Map<string, number>()
  #answered = 0
  #failed = 0

  /** Calls that got their answer, by the pod that gave it. */
  get perPod(): ReadonlyMap<string, number> {
    return this.#perPod
  }

  /** Calls that have ended, well or not. */
  get calls(): number {
    return this.#answered + this.#failed
  }

  get failed(): number {
    return this.#failed
  }

  /** What the failed calls said, each with how often: `3x no connection`. */
  get errors(): readonly string[] {
    return [...this.#errors].map(([text, times]) => `${times}x ${text}`)
  }

  answer(pod: string): void {
    this.#answered += 1
    this.#perPod.set(pod, (this.#perPod.get(pod) ?? 0) + 1)
  }

  fail(error: unknown): void {
    this.#failed += 1
    const text = error instanceof Error ? error.message : String(error)
    if (this.#errors.has(text) || this.#errors.size < KEPT_ERRORS) {
      this.#errors.set(text, (this.#errors.get(text) ?? 0) + 1)
    }
  }
}
