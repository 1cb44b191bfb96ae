import type { Revision } from '../store/store.ts'
import type { EndpointSet } from './endpoint-set.ts'

/** Where a watcher's messages go: one stream of a door. */
export interface WatchSink {
  /**
   * Takes a message, always. Answers false when the peer is slow to read: the
   * watcher is then left alone until `Watcher.drained` is called.
   */
  send(bytes: Buffer): boolean
  /** Ends the stream: the registry stops. */
  end(): void
}

/** What a watcher asks for: a service, or with '' all of a namespace ('' again: of all). */
export interface Subscription {
  readonly namespace: string
  readonly service: string
  /** What it already has; `storeId` of another history makes it nothing. */
  readonly resume?: { readonly storeId: string; readonly revision: Revision }
}

/** A subscription to many services: those of one namespace, or all ('' for all). */
export interface Scope {
  readonly namespace: string
  readonly sets: Set<EndpointSet>
}

/**
 * One client on one watch stream. For every set it is subscribed to it is either
 * in sync (it gets the next change) or behind (it gets the whole set as soon as
 * it reads again): it costs one set of names, however many changes it misses.
 */
export class Watcher {
  /** Name it is listed under. */
  client: string
  /** Everything up to here has taken effect at the client. 0: it has said nothing yet. */
  acked: Revision = 0
  readonly sink: WatchSink
  /** Sets it is subscribed to by name. */
  readonly named = new Set<EndpointSet>()
  /** Its subscriptions to many, by namespace. Most watchers have none, and pay for none. */
  scopes: Map<string, Scope> | undefined
  /** Sets it has to be sent whole. */
  readonly behind = new Set<EndpointSet>()
  /** The peer does not read. */
  isSlow = false
  /** It has half-closed its stream: it says nothing more. */
  isMute = false
  /** It has been promised a bookmark as soon as it is no longer behind. */
  owesBookmark = false
  /** Most watchers have none, and pay for none. */
  #listeners: Set<(watcher: Watcher) => void> | undefined

  constructor(sink: WatchSink, client: string) {
    this.sink = sink
    this.client = client
  }

  /** False for one that has fallen mute without having acknowledged anything: grpcurl with one request. */
  get canAcknowledge(): boolean {
    return !this.isMute || this.acked > 0
  }

  /** It says that everything up to the revision has taken effect. */
  acknowledge(revision: Revision): void {
    this.acked = Math.max(this.acked, revision)
    this.tellListeners()
  }

  /** Hears of every acknowledgement, and of everything that may mean that none will come. */
  addListener(listener: (watcher: Watcher) => void): void {
    this.#listeners ??= new Set()
    this.#listeners.add(listener)
  }

  removeListener(listener: (watcher: Watcher) => void): void {
    if (this.#listeners?.delete(listener) && this.#listeners.size === 0) this.#listeners = undefined
  }

  tellListeners(): void {
    for (const listener of this.#listeners ?? []) listener(this)
  }

  /** Whether some subscription covers the set. */
  covers(set: EndpointSet): boolean {
    if (this.named.has(set)) return true
    for (const scope of this.scopes?.values() ?? []) if (scope.sets.has(set)) return true
    return false
  }

  send(bytes: Buffer): void {
    if (!this.sink.send(bytes)) this.isSlow = true
  }
}
