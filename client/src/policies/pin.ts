import { Metadata, status } from '@grpc/grpc-js'
import { type PickArgs, type Picker, type PickResult, PickResultType } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import { type CallHints, ENDPOINT_MODE_HEADER } from './call-hints.ts'
import type { PolicyPicker, Slot } from './slot.ts'

/**
 * Lets a call say which endpoint it is for, or which it would rather not meet (compare
 * gRFC A55, the override host). An endpoint that has failed the call binds it no more.
 */
export class PinPicker implements Picker {
  readonly #picker: PolicyPicker
  #slotsByName: ReadonlyMap<string, Slot> | undefined

  constructor(picker: PolicyPicker) {
    this.#picker = picker
  }

  pick(args: PickArgs): PickResult {
    const scratch = args.extraPickInfo as unknown as CallScratch
    const { hints } = scratch
    return (hints && this.#pinned(hints, scratch)) ?? this.#picker.pick(args)
  }

  /** What the hints alone decide; undefined leaves it to the policy. */
  #pinned(hints: CallHints, scratch: CallScratch): PickResult | undefined {
    const { endpoint, endpointMode, avoid } = hints
    if (endpoint !== undefined) {
      const slot = this.#slots().get(endpoint)
      const isTried = slot !== undefined && scratch.tried?.includes(slot.ready.key)
      if (slot && !isTried) return slot.take(scratch)
      if (endpointMode === 'strict') {
        return refusal(`endpoint ${endpoint} ${isTried ? 'has failed this call' : 'is not ready'}`)
      }
    }
    if (avoid.length > 0) this.#avoid(avoid, scratch)
    return undefined
  }

  /** What a call avoids counts as tried. */
  #avoid(names: readonly string[], scratch: CallScratch): void {
    const keys = names.flatMap((name) => this.#slots().get(name)?.ready.key ?? [])
    const tried = scratch.tried ?? []
    scratch.tried = [...tried, ...keys.filter((key) => !tried.includes(key))]
  }

  /** By id and by pod name. Made for the first call with a hint: most pickers see none. */
  #slots(): ReadonlyMap<string, Slot> {
    this.#slotsByName ??= new Map(
      this.#picker.slots.flatMap((slot) => {
        const { id, pod } = slot.ready.endpoint
        return pod === '' ? [[id, slot] as const] : [[pod, slot] as const, [id, slot] as const]
      }),
    )
    return this.#slotsByName
  }
}

/** By DROP, which grpc-js does not retry. */
const refusal = (why: string): PickResult => ({
  pickResultType: PickResultType.DROP,
  subchannel: null,
  status: {
    code: status.UNAVAILABLE,
    details: `${why}: leave out ${ENDPOINT_MODE_HEADER}: strict to let another endpoint serve`,
    metadata: new Metadata(),
  },
  onCallStarted: null,
  onCallEnded: null,
})
