import type { PickArgs, PickResult } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import type { LeastRequestConfig } from './policy-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { Reservations } from './reservations.ts'
import { type Random, type Sampler, samplerOf } from './sampler.ts'
import { CountingSlot, type PolicyPicker, slotAt, untriedSlots } from './slot.ts'

/**
 * Of `choices` endpoints drawn at random, the one with the fewest calls under way for
 * its weight (gRFC A48). For long streams, and where latency says little.
 */
export class LeastRequestPicker implements PolicyPicker {
  readonly slots: readonly CountingSlot[]
  readonly #choices: number
  readonly #random: Random
  readonly #sampler: Sampler
  readonly #reservations = new Reservations()

  constructor(
    ready: readonly ReadyEndpoint[],
    { choices }: LeastRequestConfig,
    random: Random = Math.random,
  ) {
    this.slots = ready.map((endpoint) => new CountingSlot(endpoint))
    this.#choices = choices
    this.#random = random
    this.#sampler = samplerOf(
      ready.map(({ weight }) => weight),
      random,
    )
  }

  pick({ extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    const slots = untriedSlots(this.slots, scratch)
    const sampler = slots === this.slots ? this.#sampler : samplerOf(weightsOf(slots), this.#random)
    let best = sampler.draw()
    for (let i = 1; i < this.#choices; i++) {
      const other = sampler.drawAgainst(best)
      if (loadOf(slotAt(slots, other)) < loadOf(slotAt(slots, best))) best = other
    }
    const slot = slotAt(slots, best)
    this.#reservations.reserve(slot.ready.load)
    return slot.take(scratch)
  }
}

const loadOf = ({ ready: { load, weight } }: CountingSlot): number =>
  (load.inFlight + load.reserved) / weight

const weightsOf = (slots: readonly CountingSlot[]) => slots.map(({ ready }) => ready.weight)
