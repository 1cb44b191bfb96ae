import { setImmediate as nextTurn } from 'node:timers/promises'
import { RegistryError } from '../model/errors.ts'
import type { Cause, Revision, Store, Write } from '../store/store.ts'
import type { View } from './view.ts'

export type { Cause } from '../store/store.ts'

/** What an attempt at a change wants written, and what to answer once it is. */
export interface Attempt<T> {
  readonly writes: readonly Write[]
  /** Told whether the writes are in the store or not; for reservations. */
  readonly settle?: (outcome: 'committed' | 'failed') => void
  readonly answer: (revision: Revision) => T
  /** In place of the cause given with the change, where only the attempt knows it. */
  readonly cause?: Cause
}

/** How often a change is tried again when others were quicker. */
const MAX_ATTEMPTS = 20

/**
 * The way from a change to the store and back into the view: a caller that has
 * its answer reads its own write.
 */
export class Commits {
  readonly #store: Store
  readonly #view: View
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(store: Store, view: View) {
    this.#store = store
    this.#view = view
  }

  async commit(writes: readonly Write[], cause: Cause): Promise<Revision> {
    const revision = await this.#store.commit(writes, cause)
    await this.#view.reached(revision)
    return revision
  }

  /**
   * Reads, decides and writes, as often as it takes for nobody to come between.
   * `attempt` reads the view anew each time and guards its writes with the
   * revisions it saw.
   */
  async change<T>(attempt: () => Attempt<T>, cause: Cause): Promise<T> {
    for (let tries = 1; ; tries++) {
      const { writes, settle, answer, cause: own = cause } = attempt()
      if (writes.length === 0) return answer(this.#view.revision)
      try {
        const revision = await this.commit(writes, own)
        settle?.('committed')
        return answer(revision)
      } catch (error) {
        settle?.('failed')
        const lost = error instanceof RegistryError && error.code === 'CONFLICT'
        if (!lost || tries === MAX_ATTEMPTS) throw error
        // The winner's change is on its way to the view.
        await nextTurn()
      }
    }
  }

  /** Runs work about one key after all earlier work about it. */
  async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    const quiet = mine.catch(() => undefined)
    this.#turns.set(key, quiet)
    try {
      return await mine
    } finally {
      if (this.#turns.get(key) === quiet) this.#turns.delete(key)
    }
  }
}

/** Fails with CONFLICT unless the object is at the revision the caller expects. */
export function checkExpected(
  what: string,
  actual: Revision | undefined,
  expected: Revision | undefined,
): void {
  if (expected === undefined || expected === (actual ?? 0)) return
  const is = actual === undefined ? 'does not exist' : `is at revision ${actual}`
  const wanted = expected === 0 ? 'expected not to exist' : `not at the expected ${expected}`
  throw new RegistryError('CONFLICT', `${what} ${is}, ${wanted}: read it again and decide anew`)
}

/** NOT_FOUND in the words of all kinds. */
export const notFound = (what: string): RegistryError =>
  new RegistryError('NOT_FOUND', `${what} not found: check the name and the namespace`)
