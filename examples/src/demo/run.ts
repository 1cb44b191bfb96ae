import { setTimeout as pause } from 'node:timers/promises'
import { type EndpointStats, type Roster, usableEndpoints } from '@roster/client'
import { createClient } from 'nice-grpc'
import { GREETER_TARGET, GreeterService } from '../greeter.ts'
import { type Children, within } from './children.ts'
import { Fleet } from './fleet.ts'
import type { Registry } from './registry.ts'
import { type Scene, Screen } from './screen.ts'
import type { Tally } from './tally.ts'
import { CALLS_PER_SECOND, Traffic } from './traffic.ts'
import type { Phase } from './verdict.ts'

/** How long the steady part of a phase is watched. */
const STEADY_MS = 3_000
/**
 * How long the steady part may become until every pod has answered. Once slow, by
 * whatever else this machine does, a pod gets no calls while others have time.
 */
const SHARE_TIMEOUT_MS = 20_000
/** How long what was done may take to show. */
const EFFECT_TIMEOUT_MS = 15_000

/** What the demo is played with. */
export interface Stage {
  readonly children: Children
  /** Empty directory for the registry's file. */
  readonly directory: string
  /** Where the spread is shown. */
  readonly out: NodeJS.WriteStream
  /** Ends the play early; every wait then rejects with its reason. */
  readonly signal: AbortSignal
}

interface Cast {
  readonly stage: Stage
  readonly registry: Registry
  readonly roster: Roster
  /** How often the client has begun to watch the registry. */
  readonly watches: () => number
}

/** What is known of the phase that is being played. */
interface Current {
  readonly name: string
  readonly moving: Tally
  inFlight?: { readonly atPod: number; readonly inAll: number }
  steady?: { readonly tally: Tally; readonly ready: readonly string[]; readonly slow?: string }
}

/** One run through phases: the pods, the calls and the books. */
export class Run {
  readonly phases: Phase[] = []
  readonly registry: Registry
  readonly roster: Roster
  readonly fleet: Fleet
  readonly #watches: () => number
  readonly #signal: AbortSignal
  readonly #traffic: Traffic
  readonly #screen: Screen
  #isCalling = false
  #current: Current | undefined
  #step = ''

  constructor({ stage, registry, roster, watches }: Cast) {
    this.registry = registry
    this.#watches = watches
    this.roster = roster
    this.fleet = new Fleet(stage.children, registry.address)
    this.#signal = stage.signal
    const greeter = createClient(GreeterService, roster.channel(GREETER_TARGET))
    this.#traffic = new Traffic(
      async (signal) => (await greeter.sayHello({ name: 'world' }, { signal })).pod,
    )
    this.#screen = new Screen(stage.out, () => this.#scene())
    this.#screen.say(`registry at ${registry.address}; ${CALLS_PER_SECOND} calls a second`)
  }

  /** Aborts when the run is broken off. */
  get signal(): AbortSignal {
    return this.#signal
  }

  /** How often the client has begun to watch the registry. */
  get watches(): number {
    return this.#watches()
  }

  /** Begins a phase; what calls come to is part of its moving part. */
  begin(name: string): void {
    this.#current = { name, moving: this.#traffic.turnPage() }
    this.#screen.say(`\n${name}`)
  }

  /** Tells what happens now; it stays to be seen. */
  say(text: string): void {
    this.#step = text
    this.#screen.say(`  ${text}`)
  }

  /**
   * Begins the steady part of the phase. From now on each pod there should be has to
   * answer, and no other; `slow` names one that need not.
   */
  beginSteady({ ready = this.fleet.names, slow }: SteadyOptions = {}): void {
    const tally = this.#traffic.turnPage()
    this.#now.steady = { tally, ready, ...(slow !== undefined && { slow }) }
  }

  /** Whether all pods are to get the same share of the calls. */
  get haveEvenWeights(): boolean {
    return new Set(this.#stats().map(({ weight }) => weight)).size === 1
  }

  /** The phase may lose the calls that are under way now, because this pod will stand still. */
  allowInFlight(pod: string): { readonly atPod: number; readonly inAll: number } {
    const endpoints = this.#stats().filter((endpoint) => endpoint.pod === pod)
    const atPod = endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0)
    this.#now.inFlight = { atPod, inAll: this.#traffic.open }
    return this.#now.inFlight
  }

  /** Ends the phase, when its steady part, begun or not, has been watched long enough. */
  async end(): Promise<void> {
    if (this.#now.steady === undefined) this.beginSteady()
    const { name, moving, inFlight, steady } = this.#now
    if (steady === undefined) return
    const { tally, ready, slow } = steady
    this.#step = 'steady'
    await pause(STEADY_MS, undefined, { signal: this.#signal })
    const hasShare = (pod: string) => pod === slow || tally.perPod.has(pod)
    const untilMs = performance.now() + SHARE_TIMEOUT_MS
    await this.#traffic.until(
      () => ready.every(hasShare) || performance.now() > untilMs,
      this.#signal,
    )
    this.phases.push({
      name,
      ready,
      moving,
      steady: tally,
      ...(slow !== undefined && { slow }),
      ...(inFlight !== undefined && { inFlight }),
    })
  }

  /** Resolves when the client may call exactly the pods of the fleet, and has called each. */
  async untilInUse(): Promise<void> {
    const { moving } = this.#now
    const areInUse = () =>
      this.#mayCall(this.fleet.names) && this.fleet.names.every((pod) => moving.perPod.has(pod))
    await this.#startCalling()
    await this.#until(areInUse, () => this.#describeUse(moving))
  }

  /** Resolves when the client may call exactly these pods. */
  async untilMayCall(pods: readonly string[]): Promise<void> {
    await this.#until(
      () => this.#mayCall(pods),
      () => `the client should call ${pods.join(', ')}; it may call ${this.#ready().join(', ')}`,
    )
  }

  /** Resolves when `holds` does; `what` names it if it takes too long. */
  async until(what: string, holds: () => boolean): Promise<void> {
    await this.#until(holds, () => `${what} did not happen`)
  }

  /** Lets the calls under way end, then stops the pods and the registry. */
  async finish(): Promise<void> {
    this.#current = undefined
    this.#traffic.stop()
    await this.#traffic.until(() => this.#traffic.open === 0, this.#signal)
    await this.fleet.scaleTo(0)
    await this.registry.stop()
  }

  close(): void {
    this.#traffic.stop()
    this.#screen.close()
  }

  get #now(): Current {
    if (this.#current === undefined) throw new Error('no phase has begun: call begin() first')
    return this.#current
  }

  #scene(): Scene | undefined {
    if (this.#current === undefined || !this.#isCalling) return undefined
    const { name: phase } = this.#current
    return { phase, step: this.#step, ready: this.#ready(), tally: this.#traffic.tally }
  }

  /** Names of the pods the client may call. */
  #ready(): readonly string[] {
    const set = this.roster.endpoints(GREETER_TARGET).current()
    return set ? usableEndpoints(set).map(({ pod }) => pod) : []
  }

  #stats(): readonly EndpointStats[] {
    return this.roster.stats(GREETER_TARGET)
  }

  #mayCall(pods: readonly string[]): boolean {
    const ready = this.#ready()
    return ready.length === pods.length && pods.every((pod) => ready.includes(pod))
  }

  /** Before there is an endpoint every call would fail, and rightly so. */
  async #startCalling(): Promise<void> {
    if (this.#isCalling) return
    await this.roster.ready(GREETER_TARGET, { signal: this.#signal })
    this.#traffic.start()
    this.#isCalling = true
  }

  async #until(holds: () => boolean, problem: () => string): Promise<void> {
    await within(
      EFFECT_TIMEOUT_MS,
      () => `${this.#now.name}: after ${EFFECT_TIMEOUT_MS / 1000} s ${problem()}`,
      this.#signal,
      (either) => this.#traffic.until(holds, either),
    )
  }

  #describeUse(moving: Tally): string {
    const ready = this.#ready()
    const { names } = this.fleet
    const missing = names.filter((pod) => !ready.includes(pod) || !moving.perPod.has(pod))
    return [
      `the client should call ${names.join(', ')}`,
      `it may call: ${ready.join(', ') || 'none'}`,
      `the calls reached: ${[...moving.perPod.keys()].join(', ') || 'none'}`,
      this.fleet.logOf(missing),
    ].join('\n')
  }
}

interface SteadyOptions {
  readonly ready?: readonly string[]
  readonly slow?: string
}
