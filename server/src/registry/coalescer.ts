/**
 * Gathers what is to be sent: each item once, however often it is asked for.
 * Urgent items go at the end of the turn, patient ones together when the first
 * of them has waited long enough.
 */
export class Coalescer<T> {
  readonly #flush: (items: ReadonlySet<T>) => void
  #urgent = new Set<T>()
  #patient = new Set<T>()
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(flush: (items: ReadonlySet<T>) => void) {
    this.#flush = flush
  }

  soon(item: T): void {
    this.#patient.delete(item)
    this.#urgent.add(item)
    this.#immediate ??= setImmediate(() => this.#flushUrgent())
  }

  later(item: T, waitMs: number): void {
    if (this.#urgent.has(item)) return
    this.#patient.add(item)
    this.#timer ??= setTimeout(() => this.#flushPatient(), waitMs)
  }

  forget(item: T): void {
    this.#urgent.delete(item)
    this.#patient.delete(item)
  }

  /** Flushes what there is and lets go of the timers. */
  close(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#timer)
    this.#flushUrgent()
    this.#flushPatient()
  }

  #flushUrgent(): void {
    this.#immediate = undefined
    const items = this.#urgent
    this.#urgent = new Set()
    this.#flush(items)
  }

  #flushPatient(): void {
    this.#timer = undefined
    const items = this.#patient
    this.#patient = new Set()
    this.#flush(items)
  }
}
