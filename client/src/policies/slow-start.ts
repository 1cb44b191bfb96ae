/** Share of its weight that an endpoint begins with. */
const MIN_SHARE = 0.1

/** Time between two steps, in milliseconds: each of them is a new picker. */
const STEP_MS = 500

/**
 * Lets the weight of newcomers grow with time from a tenth to the whole, so that
 * caches and compilers are warm before the load is there (Envoy's slow start with
 * aggression 1, https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start).
 */
export class SlowStart<Host> {
  readonly #onStep: () => void
  readonly #now: () => number
  readonly #newcomers = new Map<Host, { readonly sinceMs: number; readonly forMs: number }>()
  #timer: NodeJS.Timeout | undefined

  /** `onStep` is told at most every 500 ms while there are newcomers; `now` is monotonic, in ms. */
  constructor(onStep: () => void, now: () => number = () => performance.now()) {
    this.#onStep = onStep
    this.#now = now
  }

  /** The host is a newcomer from now on, for so many milliseconds. */
  begin(host: Host, forMs: number): void {
    if (forMs <= 0) return
    this.#newcomers.set(host, { sinceMs: this.#now(), forMs })
    this.#timer ??= setInterval(() => this.#step(), STEP_MS).unref()
  }

  /** Share of its weight that the host has now: 0.1 to 1. */
  shareOf(host: Host): number {
    const newcomer = this.#newcomers.get(host)
    if (newcomer === undefined) return 1
    const share = (this.#now() - newcomer.sinceMs) / newcomer.forMs
    return Math.min(1, Math.max(MIN_SHARE, share))
  }

  /** The host is no newcomer any more, or is gone. */
  forget(host: Host): void {
    this.#newcomers.delete(host)
    if (this.#newcomers.size === 0) this.stop()
  }

  /** Nobody is a newcomer any more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#newcomers.clear()
  }

  #step(): void {
    for (const host of [...this.#newcomers.keys()]) if (this.shareOf(host) === 1) this.forget(host)
    this.#onStep()
  }
}
