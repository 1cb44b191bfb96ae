import type { Endpoint } from '../endpoint-set.ts'
import type { PickArgs, Picker, PickResult, Subchannel } from '../grpc/adapter.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

/**
 * Request metadata that says which pod a call is meant for, so that a process that
 * has taken over the address of another can refuse it.
 */
export const POD_UID_HEADER = 'roster-pod-uid'

/** The uid in the id of a pod's endpoint; undefined for endpoints written by hand. */
export const podUidOf = ({ pod, id }: Pick<Endpoint, 'pod' | 'id'>): string | undefined =>
  pod !== '' && id.startsWith(`${pod}/`) ? id.slice(pod.length + 1) : undefined

/**
 * Writes the uid of the pod that was picked into the metadata of the attempt, which
 * is the attempt's own: grpc-js copies the call's for every pick.
 */
export class IdentityPicker implements Picker {
  readonly #picker: Picker
  readonly #uids: ReadonlyMap<Subchannel, string | undefined>

  constructor(picker: Picker, ready: readonly ReadyEndpoint[]) {
    this.#picker = picker
    this.#uids = new Map(ready.map(({ subchannel, endpoint }) => [subchannel, podUidOf(endpoint)]))
  }

  pick(args: PickArgs): PickResult {
    const result = this.#picker.pick(args)
    if (result.subchannel === null) return result
    const uid = this.#uids.get(result.subchannel)
    // A server that passes on the metadata it was called with must not pass on its own uid.
    if (uid === undefined) args.metadata.remove(POD_UID_HEADER)
    else args.metadata.set(POD_UID_HEADER, uid)
    return result
  }
}
