import type { PickArgs, PickResult } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { CountingSlot, type PolicyPicker, slotAt } from './slot.ts'

/**
 * One after the other, from a random start so that clients that begin together do
 * not meet; an attempt passes over the endpoints its call has tried already, as
 * long as there is another.
 */
export class RoundRobinPicker implements PolicyPicker {
  readonly slots: readonly CountingSlot[]
  #next: number

  constructor(ready: readonly ReadyEndpoint[]) {
    this.slots = ready.map((endpoint) => new CountingSlot(endpoint))
    this.#next = Math.floor(Math.random() * ready.length)
  }

  pick({ extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    let slot = this.#advance()
    if (scratch.tried !== undefined) {
      for (let i = 1; i < this.slots.length && scratch.tried.includes(slot.ready.key); i++) {
        slot = this.#advance()
      }
    }
    return slot.take(scratch)
  }

  #advance(): CountingSlot {
    const slot = slotAt(this.slots, this.#next)
    this.#next = this.#next + 1 === this.slots.length ? 0 : this.#next + 1
    return slot
  }
}
