import { Backoff, pause, type Roster, RosterError } from '@roster/client'
import type { KeepAliveRequest, Pod } from '@roster/proto'
import type { Logger } from 'pino'

/** Most pods the registry takes in one RegisterPods. */
const MAX_PODS_PER_CALL = 100
/** How long a beat may take, in milliseconds: a few of them fit into a time to live. */
const BEAT_MS = 2_000

export interface PodRegistrarOptions {
  readonly roster: Pick<Roster, 'address' | 'leases' | 'pods'>
  readonly log: Logger
  /** Time to live of the lease, in milliseconds. Default 15,000. */
  readonly ttlMs?: number
}

interface Lease {
  readonly id: string
  readonly ttlMs: number
}

/** What the registry was last told of a pod. */
interface Told {
  readonly leaseId: string
  readonly text: string
  readonly pod: Pod
  readonly isRefused: boolean
}

/**
 * Keeps pods that run beside this process registered under one lease. Other than
 * the pods of an SDK they outlive the process: it leaves the lease to run out, and
 * whoever registers the same pods before that takes them over without a change.
 */
export class PodRegistrar {
  readonly #roster: PodRegistrarOptions['roster']
  readonly #log: Logger
  readonly #ttlMs: number
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  readonly #told = new Map<string, Told>()
  #desired: ReadonlyMap<string, Pod> = new Map()
  #lease: Lease | undefined
  /** Aborted, with the reason, when the next beat is not to wait for its time. */
  #resting = new AbortController()
  #syncing: Promise<void> = Promise.resolve()
  #isSyncing = false
  #isDirty = false
  #isCheckDue = false
  /** Said once for each outage. */
  #isAway = false

  constructor({ roster, log, ttlMs = 15_000 }: PodRegistrarOptions) {
    this.#roster = roster
    this.#log = log
    this.#ttlMs = ttlMs
    this.#running = this.#run(this.#stopping.signal)
  }

  /** Whether the registry has been told of a pod, by `namespace/name`. */
  has(key: string): boolean {
    return this.#told.has(key)
  }

  /** These are the pods now, by `namespace/name`. The registry is told as soon as it can be. */
  set(pods: ReadonlyMap<string, Pod>): void {
    this.#desired = pods
    this.#sync()
  }

  /**
   * Makes sure that the registry still has the pods as it was told: another agent
   * may have had them for a while. To be called now and then.
   */
  check(): void {
    this.#isCheckDue = true
    this.#sync()
  }

  /** Leaves the pods to their lease. */
  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#syncing
  }

  async #run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff()
    while (!signal.aborted) {
      backoff.started()
      const error = await this.#live(signal).catch((reason: unknown) => RosterError.from(reason))
      if (signal.aborted) return
      const retryInMs = Math.round(backoff.nextDelayMs())
      this.#log[this.#isAway ? 'debug' : 'warn'](
        { reason: error.message, retryInMs },
        'the lease of the containers is not kept: trying again',
      )
      this.#isAway = true
      await pause(retryInMs, signal)
    }
  }

  /** Lives by one lease until it is lost or the registry is: returns or throws why. */
  async #live(signal: AbortSignal): Promise<RosterError> {
    if (!this.#lease) {
      const { leases } = this.#roster
      const { leaseId, ttlMs } = await leases.grantLease({ ttlMs: this.#ttlMs }, { signal })
      this.#lease = { id: leaseId, ttlMs }
    }
    const lease = this.#lease
    while (await this.#beat(lease)) {
      const resting = new AbortController()
      this.#resting = resting
      this.#sync()
      await pause(lease.ttlMs / 3, AbortSignal.any([signal, resting.signal]))
      if (resting.signal.aborted) return RosterError.from(resting.signal.reason)
      if (signal.aborted) return new RosterError('CANCELLED', 'the registrar is closed')
    }
    this.#lease = undefined
    return new RosterError('LEASE_NOT_FOUND', `lease ${lease.id} has run out`)
  }

  /**
   * Answers whether the lease is alive. Each beat has a stream of its own, which ends
   * with a goodbye: one that stayed open would break with this process, and the
   * registry would take pods for not ready that go on without it.
   */
  async #beat({ id: leaseId }: Lease): Promise<boolean> {
    const { leases, address } = this.#roster
    let isAlive: boolean | undefined
    const signal = AbortSignal.timeout(BEAT_MS)
    for await (const { alive } of leases.keepAlive(one({ leaseId }), { signal })) isAlive = alive
    if (isAlive !== undefined) return isAlive
    throw new RosterError('UNAVAILABLE', `registry ${address} did not answer a beat`)
  }

  /** One at a time; what changes meanwhile is told after it. */
  #sync(): void {
    this.#isDirty = true
    if (this.#isSyncing) return
    this.#isSyncing = true
    this.#syncing = this.#syncAll()
  }

  async #syncAll(): Promise<void> {
    while (this.#isDirty && this.#lease && !this.#stopping.signal.aborted) {
      this.#isDirty = false
      const lease = this.#lease
      try {
        if (this.#isCheckDue) await this.#forgetLost(lease)
        this.#isCheckDue = false
        await this.#tell(lease)
        this.#isAway = false
      } catch (reason) {
        const error = RosterError.from(reason)
        if (error.code === 'LEASE_NOT_FOUND' && this.#lease === lease) this.#lease = undefined
        this.#log.debug({ reason: error.message }, 'the registry could not be told of containers')
        // The next beat tells it, which need not wait for its time.
        this.#resting.abort(error)
        break
      }
    }
    this.#isSyncing = false
  }

  /** Asks with an update that changes nothing whether the pods are there, under the lease. */
  async #forgetLost({ id: leaseId }: Lease): Promise<void> {
    for (const [key, told] of this.#told) {
      if (told.isRefused) continue
      const { namespace = '', name = '', uid = '' } = told.pod.metadata ?? {}
      try {
        await this.#roster.pods.updatePodStatus({ namespace, name, uid, leaseId })
      } catch (reason) {
        if (!isGone(RosterError.from(reason))) throw reason
        this.#told.delete(key)
      }
    }
  }

  async #tell(lease: Lease): Promise<void> {
    const absent: Told[] = []
    for (const [key, pod] of this.#desired) {
      const told = { leaseId: lease.id, text: JSON.stringify(pod), pod, isRefused: false }
      const before = this.#told.get(key)
      if (before?.leaseId !== told.leaseId || before.text !== told.text) absent.push(told)
    }
    for (let i = 0; i < absent.length; i += MAX_PODS_PER_CALL) {
      await this.#register(absent.slice(i, i + MAX_PODS_PER_CALL))
    }
    for (const [key, told] of this.#told) {
      if (!this.#desired.has(key)) await this.#deregister(key, told)
    }
  }

  async #register(batch: readonly Told[]): Promise<void> {
    const [first] = batch
    if (!first) return
    try {
      const pods = batch.map(({ pod }) => pod)
      await this.#roster.pods.registerPods({ pods, leaseId: first.leaseId })
    } catch (reason) {
      const error = RosterError.from(reason)
      if (error.code !== 'INVALID') throw error
      // One by one, so that one that is refused does not take the others with it.
      if (batch.length > 1) {
        for (const one of batch) await this.#register([one])
        return
      }
      this.#log.warn({ pod: keyOf(first.pod), reason: error.message }, 'container refused as a pod')
      // Not worth telling again until it changes.
      this.#told.set(keyOf(first.pod), { ...first, isRefused: true })
      return
    }
    for (const told of batch) this.#told.set(keyOf(told.pod), told)
  }

  async #deregister(key: string, { pod, leaseId }: Told): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {}
    try {
      await this.#roster.pods.deregisterPod({ namespace, name, uid, leaseId })
    } catch (reason) {
      if (!isGone(RosterError.from(reason))) throw reason
    }
    this.#told.delete(key)
  }
}

/** There is no such pod, or it is another agent's now. */
const isGone = ({ code }: RosterError): boolean => code === 'NOT_FOUND' || code === 'NOT_OWNER'

/** `namespace/name`. */
export const keyOf = ({ metadata }: Pick<Pod, 'metadata'>): string =>
  `${metadata?.namespace}/${metadata?.name}`

async function* one(beat: KeepAliveRequest): AsyncGenerator<KeepAliveRequest> {
  yield beat
}
