import type { Watcher } from './watcher.ts'

/** What the hub knows of a set that somebody watches. */
export class Audience {
  /** Watchers that have the set as it was when it was last sent. */
  readonly inSync = new Set<Watcher>()
  /** Watchers subscribed to it, by name or by namespace. */
  watchers = 0
  /** Until when changes gather, monotonic milliseconds. */
  quietAtMs = Number.NEGATIVE_INFINITY
  /** When the oldest unsent change was made, milliseconds since the epoch; 0: nothing is unsent. */
  triggerMs = 0
  /** The service itself changed: the next message is a snapshot. */
  redefined = false
  /** The set as it is, written out; until it changes. */
  snapshot: Buffer | undefined
}
