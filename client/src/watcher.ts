import type { Bookmark__Output, WatchEndpointsResponse__Output } from '@roster/proto'
import type { Consumer } from './consumer.ts'
import type { EndpointSet, ServiceName } from './endpoint-set.ts'
import type { EndpointListener, EndpointSource } from './endpoint-source.ts'
import type { RegistryClient } from './registry-client.ts'
import { Backoff, pause } from './retry.ts'
import { connectionClosed, type RosterError } from './roster-error.ts'
import type { SnapshotCache } from './snapshot-cache.ts'
import { Subscription } from './subscription.ts'
import { WatchRequests } from './watch-requests.ts'
import { BOOKMARK_INTERVAL_MS, readWatch, WATCH_SILENCE_MS } from './watch-stream.ts'

export interface WatcherOptions {
  readonly client: RegistryClient
  /** The process that watches. */
  readonly consumer: Consumer
  /** What is known from a former life, and kept for the next. */
  readonly cache?: SnapshotCache | undefined
  /**
   * How long the registry has to answer before a set of a former life is used, in
   * milliseconds. Default 300.
   */
  readonly graceMs?: number | undefined
  /**
   * A stream that was silent for so long is broken, and a set that was not confirmed
   * for so long is stale, in milliseconds. Default: three bookmarks are missing.
   */
  readonly silenceMs?: number
}

/**
 * One stream for all the services of a process. Endpoints stay in use while the
 * registry is away; when it is back, only what changed meanwhile is sent.
 */
export class Watcher implements EndpointSource {
  readonly consumer: Consumer
  readonly #options: WatcherOptions
  readonly #closing = new AbortController()
  readonly #silenceMs: number
  readonly #backoff = new Backoff({ maxMs: 2_000 })
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #resyncedAt = new WeakMap<Subscription, number>()
  readonly #reportedStale = new Set<Subscription>()
  #requests: WatchRequests | undefined
  #storeId: string | undefined
  #running: AbortController | undefined

  constructor(options: WatcherOptions) {
    this.consumer = options.consumer
    this.#options = options
    this.#silenceMs = options.silenceMs ?? WATCH_SILENCE_MS
  }

  get address(): string {
    return this.#options.client.address
  }

  /** Whether the stream stands: the registry has answered on it. */
  get isWatching(): boolean {
    return this.#requests !== undefined && this.#storeId !== undefined
  }

  /** The services somebody is subscribed to, as `namespace/service`. */
  services(): readonly string[] {
    return [...this.#subscriptions.keys()]
  }

  get closed(): AbortSignal {
    return this.#closing.signal
  }

  /** After close() the listener is told of that, and of nothing more. */
  subscribe(name: ServiceName, listener: EndpointListener): () => void {
    if (this.closed.aborted) {
      process.nextTick(() => listener({ error: connectionClosed() }))
      return () => {}
    }
    const key = keyOf(name)
    let subscription = this.#subscriptions.get(key)
    if (!subscription) {
      const { cache, graceMs = 300 } = this.#options
      const { namespace, service } = name
      const { onEvent } = this.consumer
      const former = cache?.get(name)
      subscription = new Subscription({ namespace, service }, { former, graceMs, onEvent })
      this.#subscriptions.set(key, subscription)
      this.#requests?.subscribe(subscription.name, subscription.resume)
    }
    const remove = subscription.add(listener)
    this.#start()
    return () => {
      remove()
      this.#dropUnused(key)
    }
  }

  /** The set of a service somebody is subscribed to, as far as it is known. */
  current(name: ServiceName): EndpointSet | undefined {
    return this.#subscriptions.get(keyOf(name))?.set
  }

  /**
   * How long ago the registry last said that the set of a service is as it is, in
   * milliseconds. Undefined: nobody is subscribed, or nothing is known.
   */
  stalenessMs(name: ServiceName): number | undefined {
    const confirmedAtMs = this.#subscriptions.get(keyOf(name))?.confirmedAtMs
    return confirmedAtMs === undefined ? undefined : performance.now() - confirmedAtMs
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close()
    this.#subscriptions.clear()
    this.#stop()
    this.#closing.abort()
  }

  #dropUnused(key: string): void {
    const subscription = this.#subscriptions.get(key)
    if (!subscription?.isUnused) return
    subscription.close()
    this.#subscriptions.delete(key)
    this.#reportedStale.delete(subscription)
    this.#requests?.unsubscribe(subscription.name)
    if (this.#subscriptions.size === 0) this.#stop()
  }

  #start(): void {
    if (this.#running) return
    this.#running = new AbortController()
    void this.#run(this.#running.signal)
  }

  #stop(): void {
    this.#running?.abort()
    this.#running = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#backoff.started()
      const error = await this.#watch(signal)
      if (signal.aborted) return
      const retryInMs = this.#nextDelayMs()
      this.consumer.onEvent({ type: 'watch_broken', error, retryInMs })
      for (const subscription of this.#subscriptions.values()) subscription.fail(error)
      this.#reportStale()
      await pause(retryInMs, signal)
    }
  }

  /**
   * After a stream that stood, a registry that restarts is looked for soon, but not
   * by all its watchers at once; after that less and less often.
   */
  #nextDelayMs(): number {
    const delayMs = this.#backoff.nextDelayMs()
    return this.#storeId === undefined ? delayMs : 50 + Math.random() * 200
  }

  #reportStale(): void {
    for (const subscription of this.#subscriptions.values()) {
      const stalenessMs = this.stalenessMs(subscription.name) ?? 0
      if (stalenessMs <= this.#silenceMs || this.#reportedStale.has(subscription)) continue
      this.#reportedStale.add(subscription)
      this.consumer.onEvent({ type: 'stale', ...subscription.name, stalenessMs })
    }
  }

  /** One stream, from its beginning to its end; why it ended. */
  async #watch(signal: AbortSignal): Promise<RosterError> {
    const requests = new WatchRequests(this.consumer.name)
    for (const { name, resume } of this.#subscriptions.values()) requests.subscribe(name, resume)
    this.#requests = requests
    this.#storeId = undefined
    const error = await readWatch(this.#options.client, {
      requests,
      silenceMs: this.#silenceMs,
      signal,
      onMessage: (message) => this.#receive(message, requests),
    })
    if (this.#requests === requests) this.#requests = undefined
    return error
  }

  #receive(message: WatchEndpointsResponse__Output, requests: WatchRequests): void {
    const { revision, snapshot, change, bookmark } = message
    if (snapshot) {
      const subscription = this.#subscriptions.get(keyOf(snapshot))
      subscription?.applySnapshot(snapshot, revision, this.#storeId)
      this.#keep(subscription)
    } else if (change) {
      const subscription = this.#subscriptions.get(keyOf(change))
      if (subscription && !subscription.applyChange(change, revision)) this.#resync(subscription)
      this.#keep(subscription)
    } else if (bookmark) {
      this.#receiveBookmark(bookmark, revision)
    }
    // After the listeners, which run inside the calls above. What is on trial has not
    // reached them; the bookmark that ends the trial acknowledges it.
    const isTold = ![...this.#subscriptions.values()].some(({ isOnTrial }) => isOnTrial)
    if (this.#storeId !== undefined || isTold) requests.ack(revision)
  }

  #receiveBookmark({ storeId, sets }: Bookmark__Output, revision: number): void {
    if (this.#storeId === undefined) this.consumer.onEvent({ type: 'watching' })
    this.#storeId = storeId
    for (const set of sets) {
      const subscription = this.#subscriptions.get(keyOf(set))
      if (subscription && !subscription.confirm(set.hash, revision, storeId)) {
        this.#resync(subscription)
      }
      this.#keep(subscription)
    }
  }

  /** What is known of a service goes into the cache. */
  #keep(subscription: Subscription | undefined): void {
    if (subscription === undefined) return
    this.#reportedStale.delete(subscription)
    const known = subscription.known
    if (known) this.#options.cache?.put(known)
  }

  /** Asks for a whole set again, at most once per bookmark interval so that it cannot spin. */
  #resync(subscription: Subscription): void {
    const now = performance.now()
    const last = this.#resyncedAt.get(subscription) ?? Number.NEGATIVE_INFINITY
    if (now - last < BOOKMARK_INTERVAL_MS) return
    this.#resyncedAt.set(subscription, now)
    this.consumer.onEvent({ type: 'resync', ...subscription.name })
    subscription.forget()
    this.#requests?.subscribe(subscription.name)
  }
}

const keyOf = ({ namespace, service }: ServiceName): string => `${namespace}/${service}`
