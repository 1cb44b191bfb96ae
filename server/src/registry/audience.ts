import type { Revision } from '../store/store.ts'
import type { Watcher } from './watcher.ts'

/** In a storm, messages of a set are so many milliseconds apart at first, … */
const STORM_MS = 10
/** … twice as many after each that had company, and at most so many. */
const STORM_MAX_MS = 50

/** What the hub knows of a set that somebody watches. */
export class Audience {
  /** Watchers that have the set as it was when it was last sent. */
  readonly inSync = new Set<Watcher>()
  /** Watchers subscribed to it, by name or by namespace. */
  watchers = 0
  /** Until when changes gather, monotonic milliseconds. */
  quietAtMs = Number.NEGATIVE_INFINITY
  /** Changes since the last message. */
  #changes = 0
  /** How far messages are apart in the storm there is; 0: there is none. */
  #stormMs = 0
  /** When the oldest unsent change was made, milliseconds since the epoch; 0: nothing is unsent. */
  triggerMs = 0
  /** The service itself changed: the next message is a snapshot. */
  redefined = false
  /** The set as it is, written out; until it changes. */
  snapshot: Buffer | undefined
  /** Who is in sync and has acknowledged this revision has the set as it was last sent. */
  revision: Revision

  constructor(revision: Revision) {
    this.revision = revision
  }

  /** The set changed at `timeMs`, milliseconds since the epoch. */
  changed(timeMs: number): void {
    this.#changes++
    this.snapshot = undefined
    if (this.triggerMs === 0) this.triggerMs = timeMs
  }

  /**
   * A message was sent from `startMs` to `endMs`, monotonic. What changes next goes
   * out at once, unless it comes before the time that sending took has passed
   * again. A message of several changes is the sign of a storm.
   */
  wasSent(startMs: number, endMs: number): void {
    this.#stormMs =
      this.#changes > 1 ? Math.min(Math.max(STORM_MS, 2 * this.#stormMs), STORM_MAX_MS) : 0
    this.#changes = 0
    this.quietAtMs = Math.max(startMs + this.#stormMs, endMs + Math.min(endMs - startMs, STORM_MS))
  }
}
