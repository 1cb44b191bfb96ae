/** One caller's change of an object: what it becomes. Throws to refuse. */
type Step<T> = (current: T) => T

interface Waiting<T> {
  readonly step: Step<T>
  readonly resolve: (outcome: T) => void
  readonly reject: (error: unknown) => void
}

/**
 * Changes of one object that come while an earlier one is being written are
 * taken together: one after the other in memory, then one write for all. So
 * callers that meet on one object neither starve each other nor wait for a disk
 * write each.
 */
export class Combiner<T> {
  readonly #change: (key: string, step: Step<T>) => Promise<T>
  readonly #waiting = new Map<string, Waiting<T>[]>()

  /** `change` reads the object, applies the step, writes the outcome and answers it. */
  constructor(change: (key: string, step: Step<T>) => Promise<T>) {
    this.#change = change
  }

  run(key: string, step: Step<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const mine = { step, resolve, reject }
      const others = this.#waiting.get(key)
      if (others !== undefined) {
        others.push(mine)
        return
      }
      this.#waiting.set(key, [])
      void this.#runAll(key, [mine])
    })
  }

  async #runAll(key: string, first: Waiting<T>[]): Promise<void> {
    let now = first
    while (now.length > 0) {
      await this.#runTogether(key, now)
      now = this.#waiting.get(key) ?? []
      if (now.length > 0) this.#waiting.set(key, [])
    }
    this.#waiting.delete(key)
  }

  async #runTogether(key: string, all: readonly Waiting<T>[]): Promise<void> {
    let refused = new Map<Waiting<T>, unknown>()
    try {
      const outcome = await this.#change(key, (current) => {
        refused = new Map()
        let object = current
        for (const one of all) {
          try {
            object = one.step(object)
          } catch (error) {
            refused.set(one, error)
          }
        }
        return object
      })
      for (const one of all) {
        if (refused.has(one)) one.reject(refused.get(one))
        else one.resolve(outcome)
      }
    } catch (error) {
      for (const one of all) one.reject(error)
    }
  }
}
