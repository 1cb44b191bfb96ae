import { pause } from '@roster/client'
import { checkHttp, checkTcp } from '../readiness-checks.ts'

/** What has to answer before a pod is ready. */
export interface GateTarget {
  readonly host: string
  /** Ports that must all take a connection. */
  readonly tcpPorts: readonly number[]
  /** Asked as well, when there is one. */
  readonly http?: { readonly port: number; readonly path: string }
}

export interface ReadinessGateOptions {
  readonly target: GateTarget
  /** Told when `isReady` has changed. */
  readonly onChange: () => void
  /** Between checks of a pod that is ready, in milliseconds. Default 5,000. */
  readonly periodMs?: number
}

/** How long one check may take, in milliseconds (as core/v1 Probe timeoutSeconds). */
const TIMEOUT_MS = 1_000
/** Failures in a row that make a ready pod not ready (as core/v1 Probe failureThreshold). */
const FAILURE_THRESHOLD = 3
const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000

/**
 * Checks again and again whether a pod takes connections, until it is closed: at
 * first often, so that a container that starts is not kept waiting.
 */
export class ReadinessGate {
  readonly target: GateTarget
  readonly #onChange: () => void
  readonly #periodMs: number
  readonly #closing = new AbortController()
  #isReady: boolean | undefined

  constructor({ target, onChange, periodMs = 5_000 }: ReadinessGateOptions) {
    this.target = target
    this.#onChange = onChange
    this.#periodMs = periodMs
    void this.#run(this.#closing.signal)
  }

  /** Undefined until the first check has ended. */
  get isReady(): boolean | undefined {
    return this.#isReady
  }

  close(): void {
    this.#closing.abort()
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const isFine = await this.#check(signal)
      if (signal.aborted) return
      failures = isFine ? 0 : failures + 1
      if (isFine || !this.#isReady || failures >= FAILURE_THRESHOLD) this.#set(isFine)
      const growingMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 1.3 ** failures)
      await pause(this.#isReady ? this.#periodMs : growingMs, signal)
    }
  }

  #set(isReady: boolean): void {
    if (isReady === this.#isReady) return
    this.#isReady = isReady
    this.#onChange()
  }

  async #check(closing: AbortSignal): Promise<boolean> {
    const signal = AbortSignal.any([closing, AbortSignal.timeout(TIMEOUT_MS)])
    const { host, tcpPorts, http } = this.target
    const answers = await Promise.all([
      ...tcpPorts.map((port) => checkTcp(host, port, signal)),
      ...(http ? [checkHttp(host, http.port, http.path, signal)] : []),
    ])
    return answers.every(Boolean)
  }
}
