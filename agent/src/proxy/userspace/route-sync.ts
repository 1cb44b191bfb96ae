import type { Logger } from 'pino'
import { differenceOf } from '../model/difference.ts'
import type { Engine } from './engine.ts'
import { type HeldListener, holdListener } from './held-listener.ts'
import type { Route } from './route.ts'

/**
 * How often to look whether an address that was not this machine's, or was taken, can be
 * listened at by now, in milliseconds.
 */
const RETRY_INTERVAL_MS = 2_000

export interface RouteSyncOptions {
  /** What there should be, given what there is. */
  readonly target: (applied: ReadonlyMap<string, Route>) => ReadonlyMap<string, Route>
  readonly log: Logger
}

/**
 * Brings engines to the routes wanted, one update after another: changes that come
 * meanwhile are taken together. Owns the TCP listeners, so that they outlive engines.
 */
export class RouteSync {
  readonly #target: RouteSyncOptions['target']
  readonly #log: Logger
  readonly #held = new Map<string, HeldListener>()
  /** What was said of routes that cannot be listened at, so that it is said once. */
  readonly #complaints = new Map<string, string>()
  readonly #retry: NodeJS.Timeout
  #engine: Engine | undefined
  /** The engine has been told nothing yet, not even that there is nothing. */
  #isFresh = false
  #applied = new Map<string, Route>()
  #running: Promise<void> | undefined
  #isDue = false
  #isClosed = false

  constructor({ target, log }: RouteSyncOptions) {
    this.#target = target
    this.#log = log
    this.#retry = setInterval(() => void this.sync(), RETRY_INTERVAL_MS).unref()
  }

  /** The TCP addresses that are this process's, by route. */
  get held(): ReadonlyMap<string, HeldListener> {
    return this.#held
  }

  /** Something has changed. Resolves when it has taken effect, as far as it can. */
  sync(): Promise<void> {
    this.#isDue = true
    this.#running ??= this.#run()
    return this.#running
  }

  /**
   * From now on the routes are this engine's; undefined: nobody's, callers wait in the
   * backlog. An engine started with what is held listens at once.
   */
  use(engine: Engine | undefined): Promise<void> {
    this.#engine = engine
    this.#isFresh = true
    this.#applied = new Map()
    return this.sync()
  }

  /** Gives up every address: callers are refused as soon as the engine has closed too. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#retry)
    for (const key of this.#held.keys()) this.#release(key)
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDue && !this.#isClosed) {
        this.#isDue = false
        await this.#step()
      }
    } finally {
      // In the same turn as the last look at what is due, or a change could be missed.
      this.#running = undefined
    }
  }

  async #step(): Promise<void> {
    const engine = this.#engine
    const applied = this.#applied
    const target = this.#target(applied)
    this.#forgetAllBut(target)
    const ready = [...target].filter(([, route]) => route.protocol === 'UDP' || this.#hold(route))
    if (!engine) return
    const { added, changed, removed } = differenceOf(applied, new Map(ready))
    const update = { changed: [...added, ...changed], removed }
    if (update.changed.length + removed.length === 0 && !this.#isFresh) return
    this.#isFresh = false
    const listeners = new Map<string, HeldListener>()
    for (const { key } of added) {
      const held = this.#held.get(key)
      if (held) listeners.set(key, held)
    }
    const failures = await engine.apply(update, listeners).catch(() => undefined)
    // An engine that is gone has been, or will be, replaced by one that gets everything.
    if (!failures || engine !== this.#engine) return
    for (const key of removed) applied.delete(key)
    for (const route of update.changed) this.#settle(route, failures.get(route.key))
  }

  #forgetAllBut(target: ReadonlyMap<string, Route>): void {
    for (const key of this.#held.keys()) if (!target.has(key)) this.#release(key)
    for (const key of this.#complaints.keys()) if (!target.has(key)) this.#complaints.delete(key)
  }

  #settle(route: Route, failure: string | undefined): void {
    if (failure === undefined) {
      this.#applied.set(route.key, route)
      this.#complaints.delete(route.key)
      return
    }
    this.#release(route.key)
    this.#fail(route, failure)
  }

  #hold(route: Route): boolean {
    if (this.#held.has(route.key)) return true
    const held = holdListener(route.address, route.port)
    if (typeof held === 'string') this.#fail(route, held)
    else this.#held.set(route.key, held)
    return typeof held !== 'string'
  }

  #release(key: string): void {
    this.#held.get(key)?.close()
    this.#held.delete(key)
  }

  #fail({ key, frontend }: Route, code: string): void {
    if (this.#complaints.get(key) !== code) {
      const service = `${frontend.namespace}/${frontend.service}`
      this.#log.warn(
        { service, frontend: frontend.key, code },
        `cannot listen at ${key} for service ${service}: ${code}; trying on: free the address, or give the service another`,
      )
    }
    this.#complaints.set(key, code)
  }
}
