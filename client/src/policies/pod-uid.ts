import type { Metadata } from '@grpc/grpc-js'
import type { Endpoint } from '../endpoint-set.ts'
import { removeHeaderOf, setHeaderOf } from '../grpc/adapter.ts'

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
 * Says in the metadata of an attempt which pod it is meant for; without a uid it says
 * nothing, not even what the caller was told: a server that passes on the metadata it was
 * called with must not pass on its own uid.
 */
export function stampUid(metadata: Metadata, uid: string | undefined): void {
  if (uid === undefined) removeHeaderOf(metadata, POD_UID_HEADER)
  else {
    setHeaderOf(metadata, POD_UID_HEADER, uid)
    // Takes its place: a header more is felt in what a call costs, and `identity` is what no
    // header at all means too. The encodings of messages are agreed on in another.
    removeHeaderOf(metadata, 'accept-encoding')
  }
}
