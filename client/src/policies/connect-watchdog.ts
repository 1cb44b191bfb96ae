import { connectivityState } from '@grpc/grpc-js'
import { giveUpConnecting, type Subchannel } from '../grpc/adapter.ts'

/**
 * Bounds every attempt to connect: grpc-js waits without end for a peer that takes
 * the connection and says nothing (https://github.com/grpc/grpc-node/issues/2785).
 * An attempt given up has failed like any other, and backoff follows.
 */
export class ConnectWatchdog {
  readonly #subchannel: Subchannel
  readonly #timeoutMs: number
  #timer: NodeJS.Timeout | undefined

  /** `timeoutMs`: what an attempt may take, TLS and the HTTP/2 preface included. */
  constructor(subchannel: Subchannel, timeoutMs: number) {
    this.#subchannel = subchannel
    this.#timeoutMs = timeoutMs
    subchannel.addConnectivityStateListener(this.#onState)
    // Channels share connections: another one may have begun this attempt.
    this.#follow(subchannel.getConnectivityState())
  }

  close(): void {
    this.#subchannel.removeConnectivityStateListener(this.#onState)
    clearTimeout(this.#timer)
  }

  readonly #onState = (_: Subchannel, __: connectivityState, state: connectivityState): void =>
    this.#follow(state)

  #follow(state: connectivityState): void {
    clearTimeout(this.#timer)
    if (state !== connectivityState.CONNECTING) return
    this.#timer = setTimeout(() => {
      giveUpConnecting(
        this.#subchannel,
        `no HTTP/2 connection to ${this.#subchannel.getAddress()} after ${this.#timeoutMs} ms`,
      )
    }, this.#timeoutMs).unref()
  }
}
