import { Backoff, pause } from '@roster/client'
import type { Logger } from 'pino'
import { ContainerStore } from './container-store.ts'
import { type Container, DockerEngine, type EngineEvent } from './engine.ts'

export interface EngineFollowerOptions {
  readonly socketPath: string
  /** How often everything is looked at anew, in milliseconds. */
  readonly relistMs: number
  readonly log: Logger
  /** The containers have changed. */
  readonly onChange: () => void
  /** Everything has been looked at. */
  readonly onRelist: () => void
}

/** Events come in flurries: one look for all of them, in milliseconds. */
const DEBOUNCE_MS = 20
const MAX_CONCURRENT_INSPECTS = 8
/** How far back the first look goes, in seconds: a container may have been told to stop before it. */
const FIRST_LOOK_BACK_S = 600

/** Everything, or the containers of these ids. */
type Pending = 'everything' | Set<string>

/**
 * Knows the containers of an engine, by its events and by looking at them again
 * after each. Listens before it lists, so that nothing is missed; while the engine
 * is away the containers are as they were.
 */
export class EngineFollower {
  readonly #engine: DockerEngine
  readonly #options: EngineFollowerOptions
  readonly #store = new ContainerStore()
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #pending: Pending = new Set()
  #wake: () => void = () => {}
  /** Up to where the events are known, in seconds since 1970, on the engine's clock. */
  #seenSeconds = Date.now() / 1000 - FIRST_LOOK_BACK_S
  #isListed = false
  #isAway = false

  constructor(options: EngineFollowerOptions) {
    this.#engine = new DockerEngine(options.socketPath)
    this.#options = options
    this.#running = this.#run(this.#stopping.signal)
  }

  get containers(): ReadonlyMap<string, Container> {
    return this.#store.containers
  }

  /** Whether a container has been told to stop and still runs. */
  isTerminating(container: Container): boolean {
    return this.#store.isTerminating(container)
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff()
    while (!signal.aborted) {
      backoff.started()
      const reason = await this.#follow(signal).catch((error: unknown) => error)
      if (signal.aborted) return
      const retryInMs = Math.round(backoff.nextDelayMs())
      const { message } = reason instanceof Error ? reason : new Error(String(reason))
      this.#options.log[this.#isAway ? 'debug' : 'warn'](
        { reason: message, retryInMs },
        'docker lost: the containers stay as they were',
      )
      this.#isAway = true
      await pause(retryInMs, signal)
    }
  }

  /** One connection, until it fails. */
  async #follow(stopping: AbortSignal): Promise<void> {
    const failing = new AbortController()
    const signal = AbortSignal.any([stopping, failing.signal])
    const relist = setInterval(() => this.#look('everything'), this.#options.relistMs).unref()
    try {
      const events = await this.#engine.events(this.#seenSeconds, signal)
      this.#look('everything')
      await Promise.all([this.#listen(events), this.#lookOnDemand(signal)])
    } finally {
      clearInterval(relist)
      failing.abort()
      this.#wake()
    }
  }

  async #listen(events: AsyncIterable<EngineEvent>): Promise<void> {
    for await (const event of events) {
      const id = this.#store.read(event)
      this.#seenSeconds = Math.max(this.#seenSeconds, event.timeNano / 1e9)
      if (id === undefined) continue
      this.#look(id)
      // Its state does not show this one, and callers must know before it ends.
      const isKnown = this.#isListed && this.#store.containers.has(id)
      if (event.Action === 'kill' && isKnown) this.#options.onChange()
    }
  }

  #look(at: string): void {
    if (at === 'everything') this.#pending = at
    else if (this.#pending !== 'everything') this.#pending.add(at)
    this.#wake()
  }

  /** One look after the other, so that what was seen last is the newest. */
  async #lookOnDemand(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#pending !== 'everything' && this.#pending.size === 0) await this.#woken(signal)
      else await pause(DEBOUNCE_MS, signal)
      if (signal.aborted) return
      const pending = this.#pending
      if (pending !== 'everything' && pending.size === 0) continue
      this.#pending = new Set()
      await this.#lookAt(pending, signal)
    }
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (signal.aborted) resolve()
    })
  }

  async #lookAt(pending: Pending, signal: AbortSignal): Promise<void> {
    const isAll = pending === 'everything'
    const ids = isAll ? await this.#engine.containerIds(signal) : [...pending]
    if (isAll) this.#store.keepOnly(ids)
    const queue = [...ids]
    const inspectNext = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        this.#store.put(id, await this.#engine.inspect(id, signal))
      }
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT_INSPECTS }, inspectNext))
    if (isAll) this.#listed(ids.length)
    // Before everything has been seen, what was not seen yet would seem to be gone.
    if (this.#isListed) this.#options.onChange()
    if (isAll) this.#options.onRelist()
  }

  #listed(containers: number): void {
    if (!this.#isListed || this.#isAway) {
      this.#options.log.info({ socket: this.#engine.socketPath, containers }, 'following docker')
    }
    this.#isListed = true
    this.#isAway = false
  }
}
