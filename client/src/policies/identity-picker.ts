import type { Endpoint } from '../endpoint-set.ts'
import {
  type PickArgs,
  type Picker,
  type PickResult,
  type Subchannel,
  setHeaderOf,
} from '../grpc/adapter.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

/**
 * Request metadata that says which pod a call is meant for, so that a process that
 * has taken over the address of another can refuse it.
 */
export const POD_UID_HEADER = 'roster-pod-uid'

/** What a header may have for its value (gRPC over HTTP/2, ASCII-Value), without outer spaces. */
const HEADER_VALUE = /^[!-~]+( +[!-~]+)*$/

/**
 * The uid in the id of a pod's endpoint. Undefined for endpoints written by hand, and
 * for a uid that no header can carry: a pod may choose any text.
 */
export function podUidOf({ pod, id }: Pick<Endpoint, 'pod' | 'id'>): string | undefined {
  if (pod === '' || !id.startsWith(`${pod}/`)) return undefined
  const uid = id.slice(pod.length + 1)
  return HEADER_VALUE.test(uid) ? uid : undefined
}

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
    else setHeaderOf(args.metadata, POD_UID_HEADER, uid)
    return result
  }
}
