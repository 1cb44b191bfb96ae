/** A round has this many turns. */
const TURNS = 20

/**
 * Visits every member once per round, each at a random turn of it: members that
 * came together part here, so that their visits never come all at once. One
 * timer for all.
 */
export class Rounds<T> {
  readonly #turns: readonly Set<T>[] = Array.from({ length: TURNS }, () => new Set<T>())
  readonly #timer: NodeJS.Timeout
  #next = 0

  constructor(roundMs: number, visit: (member: T) => void) {
    this.#timer = setInterval(() => {
      for (const member of this.#turns[this.#next] ?? []) visit(member)
      this.#next = (this.#next + 1) % TURNS
    }, roundMs / TURNS)
    this.#timer.unref()
  }

  add(member: T): void {
    this.#turns[Math.floor(Math.random() * TURNS)]?.add(member)
  }

  delete(member: T): void {
    for (const turn of this.#turns) turn.delete(member)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
