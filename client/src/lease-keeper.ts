import { setTimeout as sleep } from 'node:timers/promises'
import type { KeepAliveRequest, Pod } from '@roster/proto'
import type { EventListener } from './events.ts'
import type { RegistryClient } from './registry-client.ts'
import { Backoff, pause } from './retry.ts'
import { RosterError } from './roster-error.ts'

/** Most pods the registry takes in one RegisterPods. */
const MAX_PODS_PER_CALL = 100

/** What a pod says of itself and may change its mind about. */
export interface PodConditions {
  readonly ready: boolean
  readonly terminating: boolean
}

/** A pod that is to be registered for as long as the process lives. */
export interface Registrant {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly conditions: PodConditions
  /** The pod as it is now; its uid is always the same. */
  pod(): Promise<Pod>
  /** It is registered, for the first time or anew. */
  registered(): void
  /** It is refused for good, or its name belongs to another process now. */
  lost(error: RosterError): void
}

/** What the registry was last told of a pod, and under which lease. */
interface Told extends PodConditions {
  readonly leaseId: string
}

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
  readonly #told = new Map<Registrant, Told | undefined>()
  #lease: { readonly id: string; readonly ttlMs: number } | undefined
  #telling: Promise<void> = Promise.resolve()
  #running: AbortController | undefined

  constructor({ client, ttlMs, onEvent }: LeaseKeeperOptions) {
    this.#client = client
    this.#ttlMs = ttlMs
    this.#onEvent = onEvent
  }

  /** Registers a pod in the background, now or as soon as the registry can be reached. */
  add(registrant: Registrant): void {
    this.#told.set(registrant, undefined)
    if (this.#running) {
      // Without a lease the loop is about to do it, and after a failure it will again.
      if (this.#lease) this.#tell().catch((error: unknown) => this.#broken(error, 0))
      return
    }
    this.#running = new AbortController()
    void this.#run(this.#running.signal)
  }

  /**
   * Tells the registry what has changed of the pods, once. When it cannot be told
   * now it will be when it is back.
   */
  async update(): Promise<void> {
    if (!this.#lease) return
    try {
      await this.#tell()
    } catch (error) {
      this.#broken(error, this.#lease.ttlMs / 3)
    }
  }

  /**
   * Takes a pod out, and with the last one the lease. An unreachable registry is
   * left to find out by itself when the lease runs out.
   */
  async remove(registrant: Registrant): Promise<void> {
    if (!this.#told.delete(registrant)) return
    // What is under way might register it again.
    await this.#telling
    const lease = this.#lease
    if (this.#told.size === 0) this.#stop()
    if (!lease) return
    const { namespace, name, uid } = registrant
    try {
      if (this.#told.size === 0) await this.#client.leases.revokeLease({ leaseId: lease.id })
      else await this.#client.pods.deregisterPod({ namespace, name, uid, leaseId: lease.id })
    } catch (error) {
      this.#broken(error, 0)
    }
  }

  /** Takes all pods out. */
  async close(): Promise<void> {
    for (const registrant of [...this.#told.keys()].slice(1)) this.#told.delete(registrant)
    for (const registrant of this.#told.keys()) await this.remove(registrant)
  }

  #stop(): void {
    this.#running?.abort()
    this.#running = undefined
    this.#lease = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#backoff.started()
      let reason: unknown
      try {
        reason = await this.#live(signal)
      } catch (error) {
        reason = error
      }
      if (signal.aborted) return
      const retryInMs = this.#backoff.nextDelayMs()
      this.#broken(reason, retryInMs)
      await pause(retryInMs, signal)
    }
  }

  /** Lives by one lease until its stream breaks or it is lost; returns or throws why. */
  async #live(signal: AbortSignal): Promise<RosterError> {
    this.#lease ??= await this.#grant(signal)
    const lease = this.#lease
    await this.#tell()
    const silence = new AbortController()
    // Two beats in a row without an answer.
    const timer = setTimeout(() => silence.abort(), (lease.ttlMs * 2) / 3).unref()
    const ended = AbortSignal.any([signal, silence.signal])
    try {
      const answers = this.#client.leases.keepAlive(beats(lease, ended), { signal: ended })
      for await (const { alive } of answers) {
        timer.refresh()
        if (!alive) return new RosterError('LEASE_NOT_FOUND', `lease ${lease.id} has run out`)
        await this.#tell()
      }
      return new RosterError('UNAVAILABLE', `registry ${this.#client.address} ended the stream`)
    } finally {
      clearTimeout(timer)
    }
  }

  async #grant(signal: AbortSignal) {
    const { leaseId, ttlMs } = await this.#client.leases.grantLease(
      { ttlMs: this.#ttlMs },
      { signal },
    )
    return { id: leaseId, ttlMs }
  }

  #broken(reason: unknown, retryInMs: number): void {
    const error = RosterError.from(reason)
    if (error.code === 'LEASE_NOT_FOUND') {
      this.#lease = undefined
      this.#onEvent({ type: 'lease_lost' })
    } else {
      this.#onEvent({ type: 'lease_broken', error, retryInMs })
    }
  }

  /** One at a time: two that cross could leave the registry with the older state. */
  #tell(): Promise<void> {
    const telling = this.#telling.then(() => this.#tellNow())
    this.#telling = telling.catch(() => {})
    return telling
  }

  async #tellNow(): Promise<void> {
    const lease = this.#lease
    if (!lease) return
    const fresh: Registrant[] = []
    const moved: Registrant[] = []
    const changed: Registrant[] = []
    for (const [registrant, told] of this.#told) {
      if (!told) fresh.push(registrant)
      else if (told.leaseId !== lease.id) moved.push(registrant)
      else if (differ(told, registrant.conditions)) changed.push(registrant)
    }
    // One by one, so that one that is refused does not take the others with it.
    for (const registrant of fresh)
      await this.#settle(registrant, () => this.#register([registrant], lease.id))
    for (let i = 0; i < moved.length; i += MAX_PODS_PER_CALL) {
      await this.#register(moved.slice(i, i + MAX_PODS_PER_CALL), lease.id)
    }
    for (const registrant of changed)
      await this.#settle(registrant, () => this.#change(registrant, lease.id))
  }

  async #register(registrants: readonly Registrant[], leaseId: string): Promise<void> {
    const told = registrants.map(({ conditions }) => ({ leaseId, ...conditions }))
    const pods = await Promise.all(registrants.map((registrant) => registrant.pod()))
    await this.#client.pods.registerPods({ pods, leaseId })
    for (const [i, registrant] of registrants.entries()) {
      if (!this.#told.has(registrant)) continue
      this.#told.set(registrant, told[i])
      registrant.registered()
      this.#onEvent({ type: 'registered', pod: `${registrant.namespace}/${registrant.name}` })
    }
  }

  async #change(registrant: Registrant, leaseId: string): Promise<void> {
    const { namespace, name, uid, conditions } = registrant
    const { ready, terminating } = conditions
    try {
      await this.#client.pods.updatePodStatus({ namespace, name, uid, leaseId, ready, terminating })
    } catch (error) {
      // Somebody took it out; it is still here.
      if (RosterError.from(error).code !== 'NOT_FOUND') throw error
      return this.#register([registrant], leaseId)
    }
    if (this.#told.has(registrant)) this.#told.set(registrant, { leaseId, ready, terminating })
  }

  /** Does what concerns one pod, and gives the pod up when that can never succeed. */
  async #settle(registrant: Registrant, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (reason) {
      const error = RosterError.from(reason)
      if (!FINAL.has(error.code)) throw error
      this.#told.delete(registrant)
      registrant.lost(error)
      const pod = `${registrant.namespace}/${registrant.name}`
      this.#onEvent({ type: 'registration_lost', pod, error })
    }
  }
}

const FINAL: ReadonlySet<string> = new Set(['INVALID', 'NOT_OWNER'])

const differ = (a: PodConditions, b: PodConditions): boolean =>
  a.ready !== b.ready || a.terminating !== b.terminating

/** A beat every third of the time to live, the first at once. */
async function* beats(
  lease: { readonly id: string; readonly ttlMs: number },
  signal: AbortSignal,
): AsyncGenerator<KeepAliveRequest, void, undefined> {
  while (!signal.aborted) {
    yield { leaseId: lease.id }
    await sleep(lease.ttlMs / 3, undefined, { ref: false, signal })
  }
}
