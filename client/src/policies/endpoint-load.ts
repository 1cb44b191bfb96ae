import { status } from '@grpc/grpc-js'
import { LatencyEwma } from './latency-ewma.ts'

/** Ends of calls between two takes of the window. */
export interface CallWindow {
  readonly successes: number
  readonly failures: number
}

/**
 * What the calls to one endpoint have shown. Every policy counts here; it lives as
 * long as the endpoint's connection, across pickers and policies.
 */
export class EndpointLoad {
  /** Calls under way. */
  inFlight = 0
  /** Calls picked in this turn of the event loop that have not begun: see Reservations. */
  reserved = 0
  /** Picks so far. A pick need not become a call. */
  picks = 0
  /** Calls so far that ended in anything but a failure of the endpoint or a cancellation. */
  successes = 0
  /** Calls so far that ended in a failure of the endpoint. */
  failures = 0
  /** Calls in a row, up to the last, that ended UNAVAILABLE or DEADLINE_EXCEEDED. */
  unreachableInARow = 0
  /** Kept by the policy peak_ewma only. */
  readonly latency = new LatencyEwma()
  readonly #onUnreachable: ((inARow: number) => void) | undefined
  #taken: CallWindow = { successes: 0, failures: 0 }

  /** `onUnreachable` is told of each call that ends UNAVAILABLE or DEADLINE_EXCEEDED. */
  constructor(onUnreachable?: (inARow: number) => void) {
    this.#onUnreachable = onUnreachable
  }

  /** Expected latency in milliseconds; undefined unless peak_ewma has measured it. */
  ewmaMs(nowMs: number): number | undefined {
    return this.latency.valueMs(nowMs)
  }

  /** Calls that ended since the last take. */
  takeWindow(): CallWindow {
    const { successes, failures } = this
    const taken = this.#taken
    this.#taken = { successes, failures }
    return { successes: successes - taken.successes, failures: failures - taken.failures }
  }

  /** For a PickResult. A property, because grpc-js calls it without its object. */
  readonly onCallStarted = (): void => {
    this.inFlight += 1
    if (this.reserved > 0) this.reserved -= 1
  }

  /** For a PickResult. */
  readonly onCallEnded = (code: status): void => {
    this.inFlight -= 1
    if (code === status.CANCELLED) return
    if (!isFailure(code)) {
      this.successes += 1
      this.unreachableInARow = 0
      return
    }
    this.failures += 1
    if (code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED) {
      this.unreachableInARow += 1
      this.#onUnreachable?.(this.unreachableInARow)
    } else {
      this.unreachableInARow = 0
    }
  }
}

/**
 * Whether an end speaks against the endpoint. The other codes are answers to the
 * request: any endpoint would give them.
 */
export function isFailure(code: status): boolean {
  switch (code) {
    case status.UNKNOWN:
    case status.DEADLINE_EXCEEDED:
    case status.RESOURCE_EXHAUSTED:
    case status.INTERNAL:
    case status.UNAVAILABLE:
    case status.DATA_LOSS:
      return true
    default:
      return false
  }
}
