import { Metadata, status } from '@grpc/grpc-js'
import { type PickArgs, type Picker, type PickResult, PickResultType } from '../grpc/adapter.ts'

const NOTHING_PICKED = { subchannel: null, onCallStarted: null, onCallEnded: null } as const

/** Lets calls wait. */
export const queuePicker: Picker = {
  pick: () => ({ ...NOTHING_PICKED, pickResultType: PickResultType.QUEUE, status: null }),
}

/**
 * Fails calls while there is no endpoint: by DROP, because grpc-js retries the
 * other kind of failure and the answer would come late; calls that said they wait
 * for ready do wait.
 */
export class EmptyPicker implements Picker {
  readonly #details: string

  /** `details`: what the calls are told. */
  constructor(details: string) {
    this.#details = details
  }

  pick(args: PickArgs): PickResult {
    if (args.metadata.getOptions().waitForReady) return queuePicker.pick(args)
    return {
      ...NOTHING_PICKED,
      pickResultType: PickResultType.DROP,
      status: { code: status.UNAVAILABLE, details: this.#details, metadata: new Metadata() },
    }
  }
}
