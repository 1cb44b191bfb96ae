import { type PickArgs, type Picker, type PickResult, PickResultType } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import type { PickerFactory, ReadyEndpoint } from './picker.ts'

/**
 * One after the other, from a random start so that clients that begin together do
 * not meet; an attempt passes over the endpoints its call has tried already, as
 * long as there is another.
 */
export const roundRobin: PickerFactory = (ready) => new RoundRobinPicker(ready)

class RoundRobinPicker implements Picker {
  readonly #slots: readonly { readonly key: string; readonly result: PickResult }[]
  #next: number

  constructor(ready: readonly ReadyEndpoint[]) {
    // Made once: a pick allocates nothing but its call's list of tried endpoints.
    this.#slots = ready.map(({ key, subchannel }) => ({
      key,
      result: {
        pickResultType: PickResultType.COMPLETE,
        subchannel,
        status: null,
        onCallStarted: null,
        onCallEnded: null,
      },
    }))
    this.#next = Math.floor(Math.random() * ready.length)
  }

  pick({ extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    let slot = this.#advance()
    if (scratch.tried === undefined) {
      scratch.tried = [slot.key]
      return slot.result
    }
    for (let i = 1; i < this.#slots.length && scratch.tried.includes(slot.key); i++) {
      slot = this.#advance()
    }
    scratch.tried.push(slot.key)
    return slot.result
  }

  #advance() {
    const slot = this.#slots[this.#next]
    if (slot === undefined) throw new Error('a round robin picker needs at least one endpoint')
    this.#next = this.#next + 1 === this.#slots.length ? 0 : this.#next + 1
    return slot
  }
}
