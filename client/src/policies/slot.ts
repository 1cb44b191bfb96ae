import { type Picker, type PickResult, PickResultType } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import type { EndpointLoad } from './endpoint-load.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

/** An endpoint's place in a picker. */
export interface Slot {
  readonly ready: ReadyEndpoint
  /** Gives the endpoint to a call: counts the pick and notes it in the call's scratch. */
  take(scratch: CallScratch): PickResult
}

/** A policy at work on the endpoints that are ready. */
export interface PolicyPicker extends Picker {
  /** One for each endpoint. */
  readonly slots: readonly Slot[]
}

/** Counts calls and no more. Made once, so that a pick allocates nothing. */
export class CountingSlot implements Slot {
  readonly ready: ReadyEndpoint
  // Beside `ready`, though they are in it: a pick among 1,000 endpoints mostly waits for memory.
  readonly #load: EndpointLoad
  readonly #tries: string[]
  readonly #result: PickResult

  constructor(ready: ReadyEndpoint) {
    const { key, load, subchannel } = ready
    this.ready = ready
    this.#load = load
    this.#tries = triesOf(key)
    this.#result = {
      pickResultType: PickResultType.COMPLETE,
      subchannel,
      status: null,
      onCallStarted: load.onCallStarted,
      onCallEnded: load.onCallEnded,
    }
  }

  take(scratch: CallScratch): PickResult {
    this.#load.picks += 1
    noteTry(scratch, this.#tries)
    return this.#result
  }
}

/** The list of a call that has tried one endpoint alone, as nearly every call: shared by them. */
export function triesOf(key: string): string[] {
  const tries = [key]
  Object.freeze(tries)
  return tries
}

/** Adds to what a call has tried. */
export function noteTry(scratch: CallScratch, tries: string[]): void {
  scratch.tried = scratch.tried === undefined ? tries : [...scratch.tried, ...tries]
}

/** The slots of endpoints the call has not tried; all when it has tried them all. */
export function untriedSlots<S extends Slot>(
  slots: readonly S[],
  { tried }: CallScratch,
): readonly S[] {
  if (tried === undefined) return slots
  const untried = slots.filter(({ ready }) => !tried.includes(ready.key))
  return untried.length > 0 ? untried : slots
}

/** The slot at an index that is known to be one. */
export function slotAt<S extends Slot>(slots: readonly S[], index: number): S {
  const slot = slots[index]
  if (slot === undefined)
    throw new Error(`a picker of ${slots.length} endpoints has no slot ${index}`)
  return slot
}
