import { setTimeout as sleep } from 'node:timers/promises'
import type { DrainPodResponse__Output, KeepAliveRequest } from '@roster/proto'
import type { EventListener } from './events.ts'
import { FINAL, type Lease, PodAnnouncer, type Registrant } from './pod-announcer.ts'
import type { RegistryClient } from './registry-client.ts'
import { Backoff, pause } from './retry.ts'
import { RosterError } from './roster-error.ts'

/** How long a goodbye may take, in milliseconds: the lease runs out without it too. */
const GOODBYE_MS = 2_000

export interface LeaseKeeperOptions {
  readonly client: RegistryClient
  /** Time to live of the lease, in milliseconds. */
  readonly ttlMs: number
  readonly onEvent: EventListener
}

/**
 * Keeps the one lease of this process alive, and its pods registered under it,
 * through outages of the registry and the loss of the lease.
 */
export class LeaseKeeper {
  readonly #client: RegistryClient
  readonly #ttlMs: number
  readonly #onEvent: EventListener
  readonly #backoff = new Backoff()
  readonly #pods: PodAnnouncer
  #lease: Lease | undefined
  #telling: Promise<void> = Promise.resolve()
  /** A telling that has not begun: whoever comes meanwhile is told of by it too. */
  #queued: Promise<void> | undefined
  #running: AbortController | undefined
  /** Ends the stream of beats, with the reason. */
  #stream: AbortController | undefined

  constructor({ client, ttlMs, onEvent }: LeaseKeeperOptions) {
    this.#client = client
    this.#ttlMs = ttlMs
    this.#onEvent = onEvent
    this.#pods = new PodAnnouncer(client, onEvent)
  }

  /** Registers a pod in the background, now or as soon as the registry can be reached. */
  add(registrant: Registrant): void {
    this.#pods.add(registrant)
    if (this.#running) {
      void this.#tell()
      return
    }
    this.#running = new AbortController()
    void this.#run(this.#running.signal)
  }

  /**
   * Tells the registry what has changed of the pods. When it cannot be told now it
   * will be when it is back. Never fails.
   */
  update(): Promise<void> {
    return this.#tell()
  }

  /**
   * Has the registry mark a pod as terminating; answers when its watchers have
   * acknowledged that, or after `timeoutMs` milliseconds with those that have not.
   * Throws RosterError when the registry cannot be asked.
   */
  drain(registrant: Registrant, timeoutMs: number): Promise<DrainPodResponse__Output> {
    if (!this.#lease) throw new RosterError('UNAVAILABLE', 'the pod is not registered')
    const { namespace, name, uid } = registrant
    // 0 would mean the registry's default.
    const waitMs = Math.max(1, Math.ceil(timeoutMs))
    const request = { namespace, name, uid, leaseId: this.#lease.id, timeoutMs: waitMs }
    return this.#client.pods.drainPod(request, { deadlineMs: waitMs + 1_000 })
  }

  /**
   * Takes a pod out, and with the last one the lease. An unreachable registry is
   * left to find out by itself when the lease runs out. Never fails.
   */
  async remove(registrant: Registrant): Promise<void> {
    if (!this.#pods.delete(registrant)) return
    if (this.#pods.size === 0) return this.#leave()
    // What is under way might register it again.
    await this.#telling
    const lease = this.#lease
    if (!lease) return
    const { namespace, name, uid } = registrant
    const request = { namespace, name, uid, leaseId: lease.id }
    await this.#client.pods.deregisterPod(request, { deadlineMs: GOODBYE_MS }).catch(() => {})
  }

  /** Takes all pods out. Never fails. */
  async close(): Promise<void> {
    this.#pods.clear()
    await this.#leave()
  }

  /** Ends the lease, which takes out the pods, also one whose registration is under way. */
  async #leave(): Promise<void> {
    const lease = this.#lease
    this.#stop()
    if (!lease) return
    const request = { leaseId: lease.id }
    await this.#client.leases.revokeLease(request, { deadlineMs: GOODBYE_MS }).catch(() => {})
  }

  #stop(): void {
    this.#running?.abort()
    this.#running = undefined
    this.#lease = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#backoff.started()
      let error: RosterError
      try {
        error = await this.#live(signal)
      } catch (reason) {
        error = RosterError.from(reason)
      }
      if (signal.aborted) return
      if (FINAL.has(error.code)) {
        this.#pods.giveUpAll(error)
        this.#stop()
        return
      }
      const retryInMs = this.#backoff.nextDelayMs()
      if (error.code === 'LEASE_NOT_FOUND') {
        this.#lease = undefined
        this.#onEvent({ type: 'lease_lost' })
      } else {
        this.#onEvent({ type: 'lease_broken', error, retryInMs })
      }
      await pause(retryInMs, signal)
    }
  }

  /** Lives by one lease until its stream breaks or it is lost; returns or throws why. */
  async #live(signal: AbortSignal): Promise<RosterError> {
    const lease = this.#lease ?? (await this.#grant(signal))
    // A grant may arrive together with the end.
    signal.throwIfAborted()
    this.#lease = lease
    this.#stream = new AbortController()
    // Beside the beats, not before them: what holds the telling up costs no lease.
    void this.#tell()
    try {
      return await this.#beat(lease, this.#stream, signal)
    } catch (error) {
      if (this.#stream.signal.aborted) return RosterError.from(this.#stream.signal.reason)
      throw error
    }
  }

  async #beat(lease: Lease, stream: AbortController, signal: AbortSignal): Promise<RosterError> {
    // Two beats in a row without an answer.
    const silenceMs = (lease.ttlMs * 2) / 3
    const { address } = this.#client
    const silence = setTimeout(() => {
      const message = `registry ${address}: no answer to a beat within ${silenceMs} ms`
      stream.abort(new RosterError('UNAVAILABLE', message))
    }, silenceMs).unref()
    const ended = AbortSignal.any([signal, stream.signal])
    let isFirst = true
    try {
      const answers = this.#client.leases.keepAlive(beats(lease, ended), { signal: ended })
      for await (const { alive } of answers) {
        silence.refresh()
        if (!alive) return new RosterError('LEASE_NOT_FOUND', `lease ${lease.id} has run out`)
        if (isFirst) this.#onEvent({ type: 'lease_alive', leaseId: lease.id })
        isFirst = false
        void this.#tell()
      }
      return new RosterError('UNAVAILABLE', `registry ${address} ended the stream`)
    } finally {
      clearTimeout(silence)
    }
  }

  async #grant(signal: AbortSignal): Promise<Lease> {
    const request = { ttlMs: this.#ttlMs }
    const { leaseId, ttlMs } = await this.#client.leases.grantLease(request, { signal })
    return { id: leaseId, ttlMs }
  }

  /** One at a time. Never fails: what could not be told is told after the next beat. */
  #tell(): Promise<void> {
    this.#queued ??= this.#telling.then(() => {
      this.#queued = undefined
      return this.#tellNow()
    })
    this.#telling = this.#queued
    return this.#queued
  }

  async #tellNow(): Promise<void> {
    const lease = this.#lease
    if (!lease) return
    try {
      await this.#pods.announce(lease)
    } catch (reason) {
      if (this.#lease !== lease) return
      const error = RosterError.from(reason)
      if (error.code === 'LEASE_NOT_FOUND') this.#stream?.abort(error)
      else this.#onEvent({ type: 'lease_broken', error, retryInMs: lease.ttlMs / 3 })
    }
    // The last one has been refused, or its name was taken.
    if (this.#lease === lease && this.#pods.size === 0) await this.#leave()
  }
}

/** A beat every third of the time to live, the first at once. */
async function* beats(lease: Lease, signal: AbortSignal): AsyncGenerator<KeepAliveRequest> {
  while (!signal.aborted) {
    yield { leaseId: lease.id }
    await sleep(lease.ttlMs / 3, undefined, { ref: false, signal })
  }
}
