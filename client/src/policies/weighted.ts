import type { PickArgs, PickResult } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { samplerOf } from './sampler.ts'
import { CountingSlot, type PolicyPicker, slotAt, untriedSlots } from './slot.ts'

/**
 * Weighted round robin by a static stride (gRFC A58 without its load reports): each
 * endpoint in turn gathers its weight as credit and is picked when that reaches the
 * highest weight. In any number of rounds every endpoint is picked within one of its
 * exact share. A pick looks at highest/mean weight endpoints on average.
 */
export class WeightedPicker implements PolicyPicker {
  readonly slots: readonly CountingSlot[]
  readonly #weights: Float64Array
  readonly #credits: Float64Array
  readonly #highest: number
  #next: number

  constructor(ready: readonly ReadyEndpoint[]) {
    this.slots = ready.map((endpoint) => new CountingSlot(endpoint))
    this.#weights = Float64Array.from(ready, ({ weight }) => weight)
    this.#highest = this.#weights.reduce((highest, weight) => Math.max(highest, weight), 0)
    // As if it had always run: light endpoints come in no particular order, and pickers
    // that are replaced before a light one's turn give it its share all the same.
    this.#credits = this.#weights.map(() => Math.random() * this.#highest)
    const last = samplerOf(ready.map(({ weight }) => weight)).draw()
    this.#credits[last] = Math.random() * (this.#weights[last] ?? 0)
    this.#next = (last + 1) % ready.length
  }

  pick({ extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    const slot = this.#advance()
    if (scratch.tried?.includes(slot.ready.key)) {
      // The turns of a light endpoint may be far off, so a retry takes any at random.
      const untried = untriedSlots(this.slots, scratch)
      return slotAt(untried, Math.floor(Math.random() * untried.length)).take(scratch)
    }
    return slot.take(scratch)
  }

  #advance(): CountingSlot {
    const credits = this.#credits
    for (;;) {
      const i = this.#next
      this.#next = i + 1 === credits.length ? 0 : i + 1
      const credit = (credits[i] ?? 0) + (this.#weights[i] ?? 0)
      if (credit >= this.#highest) {
        credits[i] = credit - this.#highest
        return slotAt(this.slots, i)
      }
      credits[i] = credit
    }
  }
}
