/** What an endpoint of unknown latency is taken to cost while its first calls are out. */
const UNKNOWN_COST_MS = 1_000
/** Samples whose minimum counts before the average begins, the dropped first one included. */
const WARM_UP_SAMPLES = 5
/** Silence that lasts longer says nothing: the call may be a stream. */
const LONGEST_SILENCE_MS = 10_000

/**
 * Peak-EWMA of an endpoint's latency, as in Finagle: a sample above the average
 * replaces it at once, one below pulls it down with time constant `tauMs`. Without
 * news it decays towards zero, so that an endpoint once slow is tried again. Giving
 * it a call starts the decay over: one call finds out, others need not follow before
 * its answer. The first sample, which pays for cold caches, is dropped, and of the
 * next four the smallest counts. An endpoint that was asked and is silent costs as much
 * as it has been silent: what stands still is known before its calls have failed.
 */
export class LatencyEwma {
  #costMs = UNKNOWN_COST_MS
  #tauMs = 1
  #samples = 0
  #sampledMs = 0
  /** When the decay began. Never begun means decayed to zero: an unknown endpoint is tried first. */
  #freshMs = Number.NEGATIVE_INFINITY
  /** When the first call after the last answer began. */
  #askedMs = Number.POSITIVE_INFINITY

  /** Expected latency in milliseconds, as far as it can still be trusted at `nowMs`. */
  costMs(nowMs: number): number {
    const trustedMs = this.#trustedMs(nowMs)
    const silenceMs = nowMs - this.#askedMs
    return silenceMs > trustedMs && silenceMs < LONGEST_SILENCE_MS ? silenceMs : trustedMs
  }

  /** Whether a sample has counted. */
  get isKnown(): boolean {
    return this.#samples > 1
  }

  /** The average, as far as it can still be trusted; undefined while nothing is known. */
  valueMs(nowMs: number): number | undefined {
    return this.isKnown ? this.#trustedMs(nowMs) : undefined
  }

  /** A call has begun. */
  asked(nowMs: number): void {
    if (nowMs < this.#askedMs) this.#askedMs = nowMs
  }

  /** A call was answered, or none is waited for any more. */
  answered(): void {
    this.#askedMs = Number.POSITIVE_INFINITY
  }

  /** Whether none of the calls begun since then has been answered, for less than 10 s. */
  isSilentSince(sinceMs: number, nowMs: number): boolean {
    return this.#askedMs <= sinceMs && nowMs - this.#askedMs < LONGEST_SILENCE_MS
  }

  /** The endpoint is given a call; `tauMs` is the time constant from here on. */
  expect(nowMs: number, tauMs: number): void {
    this.#freshMs = nowMs
    this.#tauMs = tauMs
  }

  /** A call took so long. */
  observe(latencyMs: number, nowMs: number): void {
    this.#samples += 1
    if (this.#samples === 1) {
      this.#freshMs = Number.NEGATIVE_INFINITY
      return
    }
    if (this.#samples <= WARM_UP_SAMPLES) {
      this.#set(this.#samples === 2 ? latencyMs : Math.min(this.#costMs, latencyMs), nowMs)
      return
    }
    const kept = Math.exp((this.#sampledMs - nowMs) / this.#tauMs)
    const averageMs = this.#costMs * kept + latencyMs * (1 - kept)
    this.#set(Math.max(averageMs, latencyMs), nowMs)
  }

  /** A call would have taken at least so long, or failed and is to count as if it had. */
  observeAtLeast(latencyMs: number, nowMs: number): void {
    const knownMs = this.valueMs(nowMs) ?? 0
    if (latencyMs <= knownMs) return
    this.#samples = Math.max(this.#samples, WARM_UP_SAMPLES)
    this.#set(latencyMs, nowMs)
  }

  #trustedMs(nowMs: number): number {
    return this.#costMs * Math.exp((this.#freshMs - nowMs) / this.#tauMs)
  }

  #set(costMs: number, nowMs: number): void {
    this.#costMs = costMs
    this.#sampledMs = nowMs
    this.#freshMs = nowMs
  }
}
