import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod, PodSpec } from '@roster/proto'
import type { EventListener } from './events.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { localAddressToward } from './local-address.ts'
import { serviceNames } from './not-idempotent.ts'
import type { PodConditions, Registrant } from './pod-announcer.ts'
import type { ProviderHealth } from './provider-health.ts'
import { ReadinessPoll } from './readiness-poll.ts'
import { defaultPodName, podSpecOf, type RegisterOptions } from './register-options.ts'
import { RosterError } from './roster-error.ts'
import { holdServers, releaseServers, shutdownServer } from './server-shutdown.ts'
import type { SignalDrain } from './signal-drain.ts'

/** What the pods of one connection share. */
export interface RegistrationContext {
  readonly keeper: LeaseKeeper
  readonly health: ProviderHealth
  readonly signals: SignalDrain
  readonly onEvent: EventListener
  /** The pods that have neither left nor been lost. */
  readonly open: Set<{ close(): void }>
  /** `host:port` of the registry. */
  readonly registry: string
}

/** A pod of this process that stays registered until it drains. */
export class Registration implements Registrant {
  /** Namespace of the pod. */
  readonly namespace: string
  /** Name of the pod. */
  readonly name: string
  /** Identity, the same through every re-registration. */
  readonly uid: string = randomUUID()
  #resolve: () => void = () => {}
  #reject: (error: RosterError) => void = () => {}
  /**
   * Settles when the pod is registered for the first time: at once, or when the
   * registry can be reached. Fails when the registry refuses the pod.
   */
  readonly ready: Promise<void> = new Promise((resolve, reject) => {
    this.#resolve = resolve
    this.#reject = reject
  })
  /** Full names of the services it said it serves. */
  readonly serviceNames: readonly string[]
  readonly #options: RegisterOptions
  readonly #context: RegistrationContext
  readonly #spec: PodSpec
  readonly #poll: ReadinessPoll | undefined
  #isSaidReady: boolean
  #isCheckedReady: boolean
  #isTerminating = false
  /** Its callers know that it leaves. */
  #isDrained = false
  #drain: Promise<void> | undefined

  /** Throws FAILED_PRECONDITION when its ports cannot be known. */
  constructor(options: RegisterOptions, context: RegistrationContext) {
    this.namespace = options.namespace ?? 'default'
    this.name = options.name ?? defaultPodName()
    this.serviceNames = serviceNames(options.services ?? [])
    this.#spec = podSpecOf(options)
    this.#options = options
    this.#context = context
    this.#isSaidReady = options.ready ?? true
    this.#isCheckedReady = options.readiness === undefined
    // Who does not wait for it has the event instead, not a crash.
    this.ready.catch(() => {})
    context.open.add(this)
    const { servers = [], signals = [], afterSignal = 'exit' } = options
    holdServers(servers, this)
    context.signals.add(this, { signals, afterSignal })
    context.health.add(this)
    context.keeper.add(this)
    this.#poll = this.#startPoll()
  }

  /** Whether it can serve now, and whether it is about to leave. */
  get conditions(): PodConditions {
    return { ready: this.#isSaidReady && this.#isCheckedReady, terminating: this.#isTerminating }
  }

  /** Ready, and not about to shut its servers down. */
  get isServing(): boolean {
    return this.conditions.ready && !this.#isDrained
  }

  /**
   * Says whether the pod can serve. Resolves when the registry knows, or when it
   * could not be told now and will be as soon as it is back. Never fails.
   */
  async setReady(ready: boolean): Promise<void> {
    this.#isSaidReady = ready
    await this.#changed()
  }

  /**
   * Leaves without failing a call: has the registry tell the callers and wait until
   * they know, lets the calls of its servers end, deregisters. A server that other
   * pods have too stays up until the last of them drains. Called again, it is the
   * same drain. Never fails.
   */
  drain(): Promise<void> {
    this.#drain ??= this.#leave()
    return this.#drain
  }

  /** Forgets the pod on this side; the registry is told by whoever calls. */
  close(): void {
    // To no effect where it has been registered or refused.
    this.#reject(new RosterError('CANCELLED', 'the pod was taken out before it was registered'))
    this.#poll?.close()
    this.#context.open.delete(this)
    releaseServers(this.#options.servers ?? [], this)
    this.#context.signals.delete(this)
    this.#context.health.delete(this)
  }

  async pod(): Promise<Pod> {
    const { labels, annotations, addresses } = this.#options
    // Asked every time: the machine may have moved to another network.
    const podIps = addresses ?? [await localAddressToward(this.#context.registry)]
    return {
      metadata: {
        namespace: this.namespace,
        name: this.name,
        uid: this.uid,
        labels: { ...labels },
        annotations: { ...annotations },
      },
      spec: this.#spec,
      status: { podIps: [...podIps], phase: 'Running', ...this.conditions },
    }
  }

  registered(): void {
    this.#resolve()
  }

  lost(error: RosterError): void {
    this.#reject(error)
    // While it drains the signals are still its own, until it has ended.
    if (!this.#drain) this.close()
  }

  async #changed(): Promise<void> {
    this.#context.health.changed()
    await this.#context.keeper.update()
  }

  #startPoll(): ReadinessPoll | undefined {
    const { readiness: check, readinessPeriodMs, readinessTimeoutMs } = this.#options
    if (!check) return undefined
    return new ReadinessPoll({
      check,
      periodMs: readinessPeriodMs ?? 5_000,
      timeoutMs: readinessTimeoutMs ?? 1_000,
      onResult: (isReady) => {
        if (isReady === this.#isCheckedReady) return
        this.#isCheckedReady = isReady
        void this.#changed()
      },
    })
  }

  async #leave(): Promise<void> {
    const { servers = [], drain } = this.#options
    this.#isTerminating = true
    this.#poll?.close()
    await this.#untilCallersKnow()
    this.#isDrained = true
    this.#context.health.changed()
    const unused = releaseServers(servers, this)
    const ends = unused.map((server) => shutdownServer(server, drain?.graceMs ?? 25_000))
    if (unused.length > 0) this.#context.health.endWatches()
    await Promise.all(ends)
    await this.#context.keeper.remove(this)
    this.close()
  }

  async #untilCallersKnow(): Promise<void> {
    const { keeper, onEvent } = this.#context
    const { ackTimeoutMs = 5_000, propagateMs = 200 } = this.#options.drain ?? {}
    const pod = `${this.namespace}/${this.name}`
    try {
      const { laggards } = await keeper.drain(this, ackTimeoutMs)
      onEvent({ type: 'drained', pod, laggards: laggards.map(({ client }) => client) })
    } catch (reason) {
      onEvent({ type: 'drain_unacknowledged', pod, error: RosterError.from(reason) })
      // Not waited for: a registry that is away must not hold the pod up.
      void keeper.update()
      // Not unref'ed: the process stays for those who have not heard yet.
      await sleep(propagateMs)
    }
  }
}
