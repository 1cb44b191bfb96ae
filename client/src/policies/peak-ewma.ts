import { status } from '@grpc/grpc-js'
import { type PickArgs, type PickResult, PickResultType, type Subchannel } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import { type EndpointLoad, isFailure } from './endpoint-load.ts'
import type { LatencyEwma } from './latency-ewma.ts'
import type { PeakEwmaConfig } from './policy-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { Reservations } from './reservations.ts'
import { drawOther, type Random, type Sampler, samplerOf } from './sampler.ts'
import { noteTry, type PolicyPicker, type Slot, slotAt, triesOf, untriedSlots } from './slot.ts'

/** A call that took longer was a stream, whose life says nothing of the endpoint. */
const LONGEST_LATENCY_MS = 60_000

/** How many times better another must be to take a call from an endpoint drawn twice. */
const MUCH_BETTER = 4

/** Where the picker gets its time and its chance from. */
export interface PeakEwmaSources {
  /** Monotonic clock, in milliseconds. */
  readonly nowMs: () => number
  readonly random: Random
}

const realSources: PeakEwmaSources = { nowMs: () => performance.now(), random: Math.random }

/**
 * Power of two choices by peak-EWMA latency (Finagle): of two endpoints drawn at random,
 * the one whose expected latency times its calls under way and the new one is lower.
 * Comparing two and not all keeps many clients from running to the same endpoint. A
 * failed call counts as a slow one: or else the endpoint that fails fastest would get
 * the most calls.
 */
export class PeakEwmaPicker implements PolicyPicker {
  readonly slots: readonly TimingSlot[]
  readonly #sources: PeakEwmaSources
  readonly #sampler: Sampler
  readonly #turn: Turn

  constructor(
    ready: readonly ReadyEndpoint[],
    config: PeakEwmaConfig,
    sources: PeakEwmaSources = realSources,
  ) {
    this.#sources = sources
    this.#turn = new Turn(sources.nowMs)
    const meanWeight = ready.reduce((sum, { weight }) => sum + weight, 0) / ready.length
    this.slots = ready.map(
      (endpoint) => new TimingSlot(endpoint, { config, meanWeight, turn: this.#turn }),
    )
    this.#sampler = samplerOf(weightsOf(this.slots), sources.random)
  }

  pick({ extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    const slots = untriedSlots(this.slots, scratch)
    const sampler =
      slots === this.slots ? this.#sampler : samplerOf(weightsOf(slots), this.#sources.random)
    const first = sampler.draw()
    const second = sampler.drawAgainst(first)
    const one = slotAt(slots, first)
    const nowMs = this.#turn.nowMs
    // Weight may draw the same twice. It keeps the call, but not if it stands still.
    const isTwice = second === first
    const other = slotAt(
      slots,
      isTwice ? drawOther(first, slots.length, this.#sources.random) : second,
    )
    const handicap = isTwice ? MUCH_BETTER : 1
    const isOther = other.scoreAt(nowMs) * handicap < one.scoreAt(nowMs)
    return (isOther ? other : one).take(scratch, nowMs)
  }
}

const weightsOf = (slots: readonly TimingSlot[]) => slots.map(({ ready }) => ready.weight)

/** One turn of the event loop: what is reserved in it, and its time, which is read once. */
class Turn {
  readonly reservations = new Reservations()
  readonly clockMs: () => number
  #nowMs = 0

  constructor(clockMs: () => number) {
    this.clockMs = clockMs
  }

  get nowMs(): number {
    if (this.reservations.isEmpty) this.#nowMs = this.clockMs()
    return this.#nowMs
  }
}

interface TimingOptions {
  readonly config: PeakEwmaConfig
  readonly meanWeight: number
  readonly turn: Turn
}

/** Counts calls and takes their time. */
class TimingSlot implements Slot {
  readonly ready: ReadyEndpoint
  readonly #config: PeakEwmaConfig
  readonly #turn: Turn
  readonly #load: EndpointLoad
  readonly #latency: LatencyEwma
  readonly #tries: string[]
  /** What a call under way counts here: less where more are meant to be. */
  readonly #callShare: number

  constructor(ready: ReadyEndpoint, { config, meanWeight, turn }: TimingOptions) {
    this.ready = ready
    this.#config = config
    this.#turn = turn
    this.#load = ready.load
    this.#latency = ready.load.latency
    this.#tries = triesOf(ready.key)
    this.#callShare = meanWeight / ready.weight
  }

  /** How long a call given to the endpoint now may take, in milliseconds. */
  scoreAt(nowMs: number): number {
    const load = this.#load
    return this.#latency.costMs(nowMs) * (1 + (load.inFlight + load.reserved) * this.#callShare)
  }

  take(scratch: CallScratch, nowMs = this.#turn.nowMs): PickResult {
    const load = this.#load
    load.picks += 1
    this.#latency.expect(nowMs, this.#config.tauMs)
    this.#turn.reservations.reserve(load)
    noteTry(scratch, this.#tries)
    return new TimedPick(this)
  }

  /** The time at which the call begins. */
  started(): number {
    const nowMs = this.#turn.clockMs()
    this.#load.onCallStarted()
    this.#latency.asked(nowMs)
    return nowMs
  }

  ended(code: status, startedMs: number): void {
    this.#load.onCallEnded(code)
    this.#observe(code, startedMs, this.#turn.clockMs())
  }

  #observe(code: status, startedMs: number, nowMs: number): void {
    const latency = this.#latency
    const latencyMs = nowMs - startedMs
    const { errorPenaltyMs } = this.#config
    if (code === status.CANCELLED) {
      // A hedge that lost, or a caller that lost patience: so do deadlines that are not
      // gRPC's own. Later it is the end of a stream, unless nothing else came back either.
      const isUnary = latencyMs < errorPenaltyMs || latency.isSilentSince(startedMs, nowMs)
      if (isUnary && latency.isKnown) latency.observeAtLeast(latencyMs, nowMs)
      if (this.#load.inFlight === 0) latency.answered()
      return
    }
    latency.answered()
    if (isFailure(code)) {
      latency.observeAtLeast(Math.max(latencyMs, errorPenaltyMs), nowMs)
    } else if (latencyMs < LONGEST_LATENCY_MS) {
      latency.observe(latencyMs, nowMs)
    }
  }
}

/** One pick, which remembers when its call began. */
class TimedPick implements PickResult {
  readonly pickResultType = PickResultType.COMPLETE
  readonly subchannel: Subchannel
  readonly status = null
  /** A property, because grpc-js calls it without its object; it does not the other. */
  readonly onCallEnded: (code: status) => void
  readonly #slot: TimingSlot
  #startedMs = 0

  constructor(slot: TimingSlot) {
    this.#slot = slot
    this.subchannel = slot.ready.subchannel
    this.onCallEnded = (code) => this.#slot.ended(code, this.#startedMs)
  }

  onCallStarted(): void {
    this.#startedMs = this.#slot.started()
  }
}
