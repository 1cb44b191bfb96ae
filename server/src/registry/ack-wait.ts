import type { Revision } from '../store/store.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { WatchHub } from './watch-hub.ts'
import type { Watcher } from './watcher.ts'

/**
 * Waits until all who watch some sets have acknowledged what those sets are now.
 * Those who leave, or let go of the sets, are waited for no longer; those who
 * come later begin with what the sets are, so they are not waited for at all.
 */
export class AckWait {
  /** Resolves when nobody is waited for any more, or at `end`. */
  readonly ended: Promise<void>
  /** For each set the revision that acknowledges it. */
  readonly #needed: ReadonlyMap<EndpointSet, Revision>
  readonly #late = new Set<Watcher>()
  #acknowledged = 0
  #resolve: () => void = () => undefined

  constructor(hub: WatchHub, sets: readonly EndpointSet[]) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
    // Sent now: what the watchers are to acknowledge must be on its way to them.
    this.#needed = new Map(sets.map((set) => [set, hub.flush(set)]))
    for (const watcher of hub.watchers()) {
      const state = this.#stateOf(watcher)
      if (state === 'acknowledged') this.#acknowledged++
      if (state !== 'late') continue
      this.#late.add(watcher)
      watcher.addListener(this.#look)
    }
    if (this.#late.size === 0) this.#resolve()
  }

  /** Watchers that have yet to acknowledge. */
  get laggards(): readonly Watcher[] {
    return [...this.#late]
  }

  /** Number of watchers that were waited for and have not left since, laggards included. */
  get watchers(): number {
    return this.#acknowledged + this.#late.size
  }

  /** Waits no longer. Who has yet to acknowledge stays a laggard. */
  end(): void {
    for (const watcher of this.#late) watcher.removeListener(this.#look)
    this.#resolve()
  }

  readonly #look = (watcher: Watcher): void => {
    const state = this.#stateOf(watcher)
    if (state === 'late') return
    if (state === 'acknowledged') this.#acknowledged++
    this.#late.delete(watcher)
    watcher.removeListener(this.#look)
    if (this.#late.size === 0) this.#resolve()
  }

  #stateOf(watcher: Watcher): 'acknowledged' | 'late' | 'not concerned' {
    let state: 'acknowledged' | 'not concerned' = 'not concerned'
    if (!watcher.canAcknowledge) return state
    for (const [set, revision] of this.#needed) {
      if (!watcher.covers(set)) continue
      state = 'acknowledged'
      // One that is behind has yet to be sent the set, whatever it acknowledges of others.
      if (watcher.acked < revision || watcher.behind.has(set)) return 'late'
    }
    return state
  }
}
