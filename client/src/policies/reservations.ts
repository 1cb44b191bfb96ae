import type { EndpointLoad } from './endpoint-load.ts'

/**
 * Picks that are not calls yet. grpc-js begins a call some promises after its pick, so
 * that all calls made in one turn of the event loop would see the same load and meet
 * at the same endpoint. A reservation counts as load until its call begins, or until
 * the turn is over: a pick need not become a call.
 */
export class Reservations {
  readonly #loads: EndpointLoad[] = []

  /** Whether nothing was reserved in this turn so far. */
  get isEmpty(): boolean {
    return this.#loads.length === 0
  }

  reserve(load: EndpointLoad): void {
    // Never unref'ed: it ends with the turn by itself.
    if (this.#loads.length === 0) setImmediate(this.#sweep)
    load.reserved += 1
    this.#loads.push(load)
  }

  readonly #sweep = (): void => {
    for (const load of this.#loads) load.reserved = 0
    this.#loads.length = 0
  }
}
