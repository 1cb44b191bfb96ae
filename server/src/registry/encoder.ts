import type { Revision } from '../store/store.ts'
import type { EndpointSet, SetDifference } from './endpoint-set.ts'

/** One line of a bookmark: what a subscription covers and the sum of its sets' hashes. */
export interface Digest {
  readonly namespace: string
  /** '' for a whole namespace, or for all. */
  readonly service: string
  readonly hash: number
  /** Number of services covered. */
  readonly services: number
}

/**
 * Writes what watchers are told, in the form of the door they came through. The
 * same bytes go to every watcher, so nothing in them may depend on one.
 */
export interface EventEncoder {
  snapshot(set: EndpointSet, revision: Revision, timeMs: number): Buffer
  change(set: EndpointSet, difference: SetDifference, revision: Revision, timeMs: number): Buffer
  bookmark(digests: readonly Digest[], revision: Revision, storeId: string): Buffer
}
