import type { WatchEndpointsResponse__Output } from '@roster/proto'
import type { EndpointSet, ServiceName } from './endpoint-set.ts'
import type { EndpointListener, EndpointSource } from './endpoint-source.ts'
import type { EventListener } from './events.ts'
import type { RegistryClient } from './registry-client.ts'
import { Backoff, pause } from './retry.ts'
import { RosterError } from './roster-error.ts'
import { Subscription } from './subscription.ts'
import { WatchRequests } from './watch-requests.ts'

/** How often the registry sends a bookmark, in milliseconds. */
const BOOKMARK_INTERVAL_MS = 5_000

export interface WatcherOptions {
  readonly client: RegistryClient
  /** Name the watcher is listed under at the registry. */
  readonly name: string
  readonly onEvent: EventListener
  /** A stream that was silent for so long is broken. Default: three bookmarks are missing. */
  readonly silenceMs?: number
}

/**
 * One stream for all the services of a process. Endpoints stay in use while the
 * registry is away; when it is back, only what changed meanwhile is sent.
 */
export class Watcher implements EndpointSource {
  readonly #client: RegistryClient
  readonly #name: string
  readonly #onEvent: EventListener
  readonly #silenceMs: number
  readonly #backoff = new Backoff()
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #resyncedAt = new WeakMap<Subscription, number>()
  #requests: WatchRequests | undefined
  #storeId: string | undefined
  #running: AbortController | undefined

  constructor({ client, name, onEvent, silenceMs = 3 * BOOKMARK_INTERVAL_MS }: WatcherOptions) {
    this.#silenceMs = silenceMs
    this.#client = client
    this.#name = name
    this.#onEvent = onEvent
  }

  get address(): string {
    return this.#client.address
  }

  subscribe(name: ServiceName, listener: EndpointListener): () => void {
    const key = keyOf(name)
    let subscription = this.#subscriptions.get(key)
    if (!subscription) {
      subscription = new Subscription({ namespace: name.namespace, service: name.service })
      this.#subscriptions.set(key, subscription)
      this.#requests?.subscribe(subscription.name)
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

  close(): void {
    this.#subscriptions.clear()
    this.#stop()
  }

  #dropUnused(key: string): void {
    const subscription = this.#subscriptions.get(key)
    if (!subscription?.isUnused) return
    this.#subscriptions.delete(key)
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
      const retryInMs = this.#backoff.nextDelayMs()
      this.#onEvent({ type: 'watch_broken', error, retryInMs })
      for (const subscription of this.#subscriptions.values()) subscription.fail(error)
      await pause(retryInMs, signal)
    }
  }

  /** One stream, from its beginning to its end; why it ended. */
  async #watch(signal: AbortSignal): Promise<RosterError> {
    const silence = new AbortController()
    const timer = setTimeout(() => silence.abort(), this.#silenceMs).unref()
    const requests = new WatchRequests(this.#name)
    for (const { name, resume } of this.#subscriptions.values()) requests.subscribe(name, resume)
    this.#requests = requests
    this.#storeId = undefined
    try {
      const messages = this.#client.endpointService.watchEndpoints(requests, {
        signal: AbortSignal.any([signal, silence.signal]),
      })
      for await (const message of messages) {
        timer.refresh()
        this.#receive(message, requests)
      }
      return new RosterError('UNAVAILABLE', `registry ${this.address} ended the watch`)
    } catch (error) {
      if (!silence.signal.aborted) return RosterError.from(error)
      const text = `registry ${this.address} was silent for ${this.#silenceMs} ms`
      return new RosterError('UNAVAILABLE', text, { cause: error })
    } finally {
      clearTimeout(timer)
      requests.end()
      if (this.#requests === requests) this.#requests = undefined
    }
  }

  #receive(message: WatchEndpointsResponse__Output, requests: WatchRequests): void {
    const { revision, snapshot, change, bookmark } = message
    if (snapshot) {
      this.#subscriptions.get(keyOf(snapshot))?.applySnapshot(snapshot, revision, this.#storeId)
    } else if (change) {
      const subscription = this.#subscriptions.get(keyOf(change))
      if (subscription && !subscription.applyChange(change, revision)) this.#resync(subscription)
    } else if (bookmark) {
      if (this.#storeId === undefined) this.#onEvent({ type: 'watching' })
      this.#storeId = bookmark.storeId
      for (const set of bookmark.sets) {
        const subscription = this.#subscriptions.get(keyOf(set))
        if (subscription && !subscription.confirm(set.hash, revision, bookmark.storeId)) {
          this.#resync(subscription)
        }
      }
    }
    // After the listeners, which run inside the calls above.
    requests.ack(revision)
  }

  /** Asks for a whole set again, at most once per bookmark interval so that it cannot spin. */
  #resync(subscription: Subscription): void {
    const now = performance.now()
    const last = this.#resyncedAt.get(subscription) ?? Number.NEGATIVE_INFINITY
    if (now - last < BOOKMARK_INTERVAL_MS) return
    this.#resyncedAt.set(subscription, now)
    this.#onEvent({ type: 'resync', ...subscription.name })
    subscription.forget()
    this.#requests?.subscribe(subscription.name)
  }
}

const keyOf = ({ namespace, service }: ServiceName): string => `${namespace}/${service}`
