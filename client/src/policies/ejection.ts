import type { EjectionConfig } from './ejection-config.ts'
import type { EndpointLoad } from './endpoint-load.ts'
import { findOutliers } from './outliers.ts'

/** An endpoint as ejection sees it. */
export interface EjectionHost {
  readonly id: string
  /** Its connection stands. */
  readonly isReady: boolean
  readonly load: Pick<EndpointLoad, 'takeWindow' | 'unreachableInARow'>
}

export interface EjectionOptions<Host extends EjectionHost> {
  /** The endpoints there are now. */
  readonly hosts: () => Iterable<Host>
  /** Told after an endpoint was taken out: it must leave the picker before another pick. */
  readonly onEjected: (host: Host, reason: string, forMs: number) => void
  /** Told after endpoints came back. */
  readonly onReturned: (hosts: readonly Host[]) => void
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

/** An ejection is longer than its length by up to this share, so that not all end at once. */
const RETURN_JITTER = 0.1

/**
 * Takes out endpoints whose connection stands and whose calls fail (outlier
 * detection, gRFC A50, plus Envoy's consecutive failures). They come back by time.
 * Counts begin with the first call, however long the connections have stood.
 */
export class Ejection<Host extends EjectionHost> {
  readonly #options: EjectionOptions<Host>
  readonly #now: () => number
  readonly #random: () => number
  /** Ejected endpoints, and until when. */
  readonly #ejected = new Map<Host, number>()
  /** How often each was ejected, less one for every interval it behaved. */
  readonly #timesEjected = new Map<Host, number>()
  #config: EjectionConfig | undefined
  #nextLookMs = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: EjectionOptions<Host>) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  /** Begins, or goes on with other figures; undefined: no ejection, and everything comes back. */
  start(config: EjectionConfig | undefined): void {
    if (config === this.#config) return
    if (config === undefined) {
      this.stop()
      return
    }
    this.#config = config
    this.#nextLookMs = this.#now() + config.intervalMs
    this.#schedule()
  }

  /** Ends it, without a word to anyone. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#config = undefined
    this.#ejected.clear()
    this.#timesEjected.clear()
  }

  get maxPercent(): number {
    return this.#config?.maxEjectionPercent ?? 100
  }

  /** Until when the endpoint is out, by the monotonic clock; undefined: it is not. */
  ejectedUntilMs(host: Host): number | undefined {
    return this.#ejected.get(host)
  }

  /** Whether no endpoint is out. */
  get isEmpty(): boolean {
    return this.#ejected.size === 0
  }

  /** Forgets an endpoint that is no more. */
  forget(host: Host): void {
    this.#ejected.delete(host)
    this.#timesEjected.delete(host)
  }

  /** Takes note that so many calls in a row have not been served by the endpoint. */
  callFailed(host: Host, inARow: number): void {
    const limit = this.#config?.consecutiveFailures ?? 0
    if (limit === 0 || inARow % limit !== 0) return
    // Not now: the calls of a connection that breaks fail before it is known to be broken.
    setImmediate(() => this.#judgeFailuresInARow(host))
  }

  #judgeFailuresInARow(host: Host): void {
    const failures = host.load.unreachableInARow
    if (this.#config === undefined || failures < this.#config.consecutiveFailures) return
    if (host.isReady) this.#eject(host, `${failures} calls in a row failed`)
    // They say nothing about the connection that comes next.
    else host.load.unreachableInARow = 0
  }

  #look(config: EjectionConfig): void {
    const counts = [...this.#options.hosts()].map((host) => ({
      host,
      ...host.load.takeWindow(),
    }))
    for (const { host, reason } of findOutliers(counts, config)) this.#eject(host, reason)
    for (const [host, times] of this.#timesEjected) {
      if (this.#ejected.has(host)) continue
      if (times > 1) this.#timesEjected.set(host, times - 1)
      else this.#timesEjected.delete(host)
    }
  }

  #eject(host: Host, reason: string): void {
    const config = this.#config
    if (config === undefined || this.#ejected.has(host)) return
    // The only one there is: without it there is nothing.
    if (![...this.#options.hosts()].some((other) => other !== host && other.isReady)) return
    const times = (this.#timesEjected.get(host) ?? 0) + 1
    const { baseEjectionMs, maxEjectionMs } = config
    const longestMs = Math.max(baseEjectionMs, maxEjectionMs)
    const lengthMs = Math.min(baseEjectionMs * times, longestMs)
    const forMs = Math.round(lengthMs * (1 + RETURN_JITTER * this.#random()))
    this.#timesEjected.set(host, times)
    this.#ejected.set(host, this.#now() + forMs)
    this.#schedule()
    this.#options.onEjected(host, reason, forMs)
  }

  #return(): void {
    const now = this.#now()
    const returned = [...this.#ejected].filter(([, untilMs]) => untilMs <= now)
    if (returned.length === 0) return
    for (const [host] of returned) {
      this.#ejected.delete(host)
      // What it did before is no reason to eject it again.
      host.load.takeWindow()
      host.load.unreachableInARow = 0
    }
    this.#options.onReturned(returned.map(([host]) => host))
  }

  #schedule(): void {
    const wakeMs = Math.min(this.#nextLookMs, ...this.#ejected.values())
    clearTimeout(this.#timer)
    // Timers may be early by a fraction of a millisecond.
    const delayMs = Math.max(0, Math.ceil(wakeMs - this.#now()))
    this.#timer = setTimeout(() => this.#wake(), delayMs).unref()
  }

  #wake(): void {
    const config = this.#config
    if (config === undefined) return
    this.#return()
    if (this.#now() >= this.#nextLookMs) {
      this.#nextLookMs = this.#now() + config.intervalMs
      this.#look(config)
    }
    this.#schedule()
  }
}
