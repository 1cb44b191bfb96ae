import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work that brings everything up to date at once: however often it is asked for, one run at a time. */
export class Coalesced {
  readonly #work: () => Promise<void>
  #waiting: Promise<void> | undefined
  #running: Promise<void> | undefined

  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  /** Resolves, or fails, with a run that began after the call; all calls of a turn share it. */
  run(): Promise<void> {
    this.#waiting ??= this.#begin()
    return this.#waiting
  }

  async #begin(): Promise<void> {
    await nextTurn()
    // The failure of the run before is the concern of those who asked for it.
    await this.#running?.catch(() => undefined)
    this.#waiting = undefined
    this.#running = this.#work()
    await this.#running
  }
}
