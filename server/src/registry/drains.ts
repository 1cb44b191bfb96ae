import { RegistryError } from '../model/errors.ts'
import type { Cause, Revision } from '../store/store.ts'
import { AckWait } from './ack-wait.ts'
import type { Ownership, Pods } from './pods.ts'
import type { View } from './view.ts'
import type { WatchHub } from './watch-hub.ts'
import type { Watcher } from './watcher.ts'

/** Drains under way at once. Each costs an entry for every watcher it waits for. */
const MAX_DRAINS = 2_000

/** How a drain is to be done. */
export interface DrainOptions {
  readonly owner: Ownership
  /** How long to wait for acknowledgements, in milliseconds. */
  readonly timeoutMs: number
  /** Ends the wait with an AbortError; the pod stays marked. */
  readonly signal: AbortSignal
  readonly cause: Cause
}

/** What a drain has come to. */
export interface Drained {
  /** Revision at which the pod is marked. */
  readonly revision: Revision
  /** Watchers that had not acknowledged when time was up. */
  readonly laggards: readonly Watcher[]
  /** Number of watchers waited for, laggards included. */
  readonly watchers: number
}

/**
 * Takes pods out of use: marks them terminating and waits until the watchers of
 * their services have acknowledged it.
 */
export class Drains {
  readonly #view: View
  readonly #pods: Pods
  readonly #hub: WatchHub
  readonly #waits = new Set<AckWait>()
  #underWay = 0
  #isStopped = false

  constructor(view: View, pods: Pods, hub: WatchHub) {
    this.#view = view
    this.#pods = pods
    this.#hub = hub
  }

  /**
   * Drains the pod `key`. A pod that is terminating already is waited for all the
   * same. Fails with NOT_FOUND, NOT_OWNER, EXHAUSTED when too many are under way,
   * and UNAVAILABLE when the registry stops.
   */
  async drain(key: string, options: DrainOptions): Promise<Drained> {
    if (this.#underWay >= MAX_DRAINS) {
      throw new RegistryError(
        'EXHAUSTED',
        `${MAX_DRAINS} drains are under way, pod ${key} is not marked: try again in a second`,
      )
    }
    this.#underWay++
    try {
      return await this.#drain(key, options)
    } finally {
      this.#underWay--
    }
  }

  /** Ends all waits. To be called before the watchers are sent away, or they would count as gone. */
  stop(): void {
    this.#isStopped = true
    for (const wait of this.#waits) wait.end()
  }

  async #drain(key: string, { owner, timeoutMs, signal, cause }: DrainOptions): Promise<Drained> {
    // Kept, so that the services are known even if the pod is deregistered meanwhile.
    const entry = this.#view.pods.get(key)
    const marked = await this.#pods.updateStatus(key, owner, { terminating: true }, cause)
    const wait = new AckWait(this.#hub, entry?.sets ?? [])
    await this.#waitFor(wait, timeoutMs, signal)
    if (this.#isStopped) {
      throw new RegistryError(
        'UNAVAILABLE',
        `the registry is stopping: pod ${key} is marked terminating, drain it again for the acknowledgements`,
      )
    }
    signal.throwIfAborted()
    return { revision: marked.revision, laggards: wait.laggards, watchers: wait.watchers }
  }

  async #waitFor(wait: AckWait, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const end = () => wait.end()
    const timer = setTimeout(end, timeoutMs)
    timer.unref()
    signal.addEventListener('abort', end, { once: true })
    this.#waits.add(wait)
    if (signal.aborted || this.#isStopped) wait.end()
    try {
      await wait.ended
    } finally {
      this.#waits.delete(wait)
      signal.removeEventListener('abort', end)
      clearTimeout(timer)
    }
  }
}
