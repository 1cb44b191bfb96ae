import type { Pod } from '@roster/proto'
import { ClientError, Status } from 'nice-grpc'
import { backoff, pause } from './backoff.ts'
import type { Connection } from './connection.ts'
import { isNotFound } from './errors.ts'
import { sent } from './resources/pages.ts'

/** What becomes of a pod that is kept registered. */
export type LeaseEvent =
  | { readonly type: 'registered'; readonly leaseId: string; readonly ttlMs: number }
  /** The lease ran out; the pod is being registered again. */
  | { readonly type: 'expired' }
  /** The registry is away; it is being tried again. */
  | { readonly type: 'disconnected'; readonly error: unknown }

type Report = (event: LeaseEvent) => void

/** A pod of its own lease, registered again under its uid whenever the lease is lost. */
export class LeasedPod {
  readonly #connection: Connection
  readonly #pod: Pod
  readonly #ttlMs: number
  #uid = ''
  #leaseId = ''
  #isRegistered = false

  constructor(connection: Connection, pod: Pod, ttlMs: number) {
    this.#connection = connection
    this.#pod = pod
    this.#ttlMs = ttlMs
  }

  /**
   * Registers the pod, then keeps it alive until aborted. Only what the registry
   * refuses, and whatever goes wrong with the first registration, is thrown.
   */
  async keep(report: Report, signal: AbortSignal): Promise<void> {
    await this.#register(report)
    for (let retry = 0; !signal.aborted; retry++) {
      const onAlive = () => {
        retry = 0
      }
      try {
        await this.#live({ report, onAlive }, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!isPassing(error)) throw error
        if (retry === 0) report({ type: 'disconnected', error })
      }
      await backoff(retry, signal)
    }
  }

  /** Ends the lease, and the pod with it. A lease that has run out is fine. */
  async release(): Promise<void> {
    if (this.#leaseId === '') return
    try {
      await this.#connection.leases.revokeLease({ leaseId: this.#leaseId })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  /** Registers the pod where it is not, and beats until the lease or the stream is gone. */
  async #live(on: { report: Report; onAlive: () => void }, signal: AbortSignal): Promise<void> {
    if (!this.#isRegistered) await this.#register(on.report)
    const beats = this.#beats(signal)
    for await (const { alive } of this.#connection.leases.keepAlive(beats, { signal })) {
      if (!alive) {
        this.#isRegistered = false
        on.report({ type: 'expired' })
        return
      }
      on.onAlive()
    }
  }

  async #register(report: Report): Promise<void> {
    const { leases, pods } = this.#connection
    const { leaseId, ttlMs } = await leases.grantLease({ ttlMs: this.#ttlMs })
    this.#leaseId = leaseId
    const metadata = { ...this.#pod.metadata, uid: this.#uid }
    const answer = await pods.registerPod({ pod: { ...this.#pod, metadata }, leaseId })
    this.#uid = sent(sent(answer.pod).metadata).uid
    this.#isRegistered = true
    report({ type: 'registered', leaseId, ttlMs })
  }

  /** A beat at once and one every third of the lease's time. */
  async *#beats(signal: AbortSignal): AsyncGenerator<{ leaseId: string }> {
    while (!signal.aborted) {
      yield { leaseId: this.#leaseId }
      await pause(this.#ttlMs / 3, signal)
    }
  }
}

const PASSING: ReadonlySet<Status> = new Set([
  Status.UNAVAILABLE,
  Status.DEADLINE_EXCEEDED,
  Status.INTERNAL,
  Status.CANCELLED,
  // The lease ran out between its grant and the registration.
  Status.NOT_FOUND,
])

const isPassing = (error: unknown): boolean =>
  error instanceof ClientError && PASSING.has(error.code)
