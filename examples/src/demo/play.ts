import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connectRoster, type Roster, usableEndpoints } from '@roster/client'
import { createClient } from 'nice-grpc'
import { GREETER_TARGET, GreeterService, greeterManifest } from '../greeter.ts'
import { type Children, within } from './children.ts'
import { Fleet } from './fleet.ts'
import { Registry } from './registry.ts'
import { type Scene, Screen } from './screen.ts'
import { Tally } from './tally.ts'
import { CALLS_PER_SECOND, Traffic } from './traffic.ts'
import type { Phase } from './verdict.ts'

/** How long the steady part of a phase is watched. */
const STEADY_MS = 4_000
/** How long there is no registry at all. */
const OUTAGE_MS = 2_000
/** How long pods may take until the client calls them. */
const SCALE_TIMEOUT_MS = 15_000
/** How long a restarted registry may take until it answers the client again. */
const RETURN_TIMEOUT_MS = 15_000

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

/**
 * Plays the demo: three pods, six, two, and a restart of the registry, with calls
 * going on all the time. Rejects when something does not come up or end as it
 * should; failed calls do not stop it, they are in the phases it resolves to.
 */
export async function play(stage: Stage): Promise<readonly Phase[]> {
  const registry = new Registry(stage.children, join(stage.directory, 'roster.db'))
  await registry.start(stage.signal)
  let watches = 0
  const roster = connectRoster(registry.address, {
    onEvent: ({ type }) => {
      if (type === 'watching') watches += 1
    },
  })
  const run = new Run({ stage, registry, roster, watches: () => watches })
  try {
    await roster.catalog.applyService({ service: greeterManifest })
    await run.scale('three pods', 3)
    await run.scale('scale to six', 6)
    await run.scale('scale to two', 2)
    await run.restartRegistry('restart the registry')
    await run.end()
  } finally {
    run.close()
    await roster.close()
  }
  return run.phases
}

interface Cast {
  readonly stage: Stage
  readonly registry: Registry
  readonly roster: Roster
  /** How often the client has begun to watch the registry. */
  readonly watches: () => number
}

/** One run through the phases. */
class Run {
  readonly phases: Phase[] = []
  readonly #stage: Stage
  readonly #registry: Registry
  readonly #fleet: Fleet
  readonly #roster: Roster
  readonly #watches: () => number
  readonly #traffic: Traffic
  readonly #screen: Screen
  #scene: Pick<Scene, 'phase' | 'step'> | undefined

  constructor({ stage, registry, roster, watches }: Cast) {
    this.#stage = stage
    this.#registry = registry
    this.#roster = roster
    this.#watches = watches
    this.#fleet = new Fleet(stage.children, registry.address)
    const greeter = createClient(GreeterService, roster.channel(GREETER_TARGET))
    this.#traffic = new Traffic(
      async (signal) => (await greeter.sayHello({ name: 'world' }, { signal })).pod,
    )
    this.#screen = new Screen(
      stage.out,
      () => this.#scene && { ...this.#scene, ready: this.#ready(), tally: this.#traffic.tally },
    )
    this.#screen.say(`registry at ${registry.address}; ${CALLS_PER_SECOND} calls a second`)
  }

  /** A phase that begins with `count` pods to be had in place of those there are. */
  async scale(name: string, count: number): Promise<void> {
    const { signal } = this.#stage
    const moving = this.#traffic.turnPage()
    this.#scene = { phase: name, step: `on the way to ${count} pods` }
    await this.#fleet.scaleTo(count)
    const isComplete = () =>
      sameMembers(this.#ready(), this.#fleet.names) &&
      this.#fleet.names.every((pod) => moving.perPod.has(pod))
    await within(
      SCALE_TIMEOUT_MS,
      () => this.#incomplete(count, moving),
      signal,
      async (either) => {
        if (this.phases.length === 0) await this.#firstEndpoint(either)
        await this.#traffic.until(isComplete, either)
      },
    )
    await this.#watchSteady(name, moving, this.#traffic.turnPage())
  }

  /** A phase in which the registry goes away and comes back; all of it is to be steady. */
  async restartRegistry(name: string): Promise<void> {
    const { signal } = this.#stage
    const steady = this.#traffic.turnPage()
    this.#scene = { phase: name, step: 'there is no registry' }
    await this.#registry.stop()
    await pause(OUTAGE_MS, undefined, { signal })
    const watches = this.#watches()
    await this.#registry.start(signal)
    this.#scene = { phase: name, step: 'the registry is back' }
    await within(
      RETURN_TIMEOUT_MS,
      () => `the client did not find the registry again within ${RETURN_TIMEOUT_MS / 1000} s`,
      signal,
      (either) => this.#traffic.until(() => this.#watches() > watches, either),
    )
    await this.#watchSteady(name, new Tally(), steady)
  }

  /** Lets the calls under way finish, then drains the pods and stops the registry. */
  async end(): Promise<void> {
    this.#scene = undefined
    this.#traffic.stop()
    const tallies = this.phases.flatMap(({ moving, steady }) => [moving, steady])
    await this.#traffic.until(() => tallies.every(({ open }) => open === 0), this.#stage.signal)
    await this.#fleet.scaleTo(0)
    await this.#registry.stop()
  }

  close(): void {
    this.#traffic.stop()
    this.#screen.close()
  }

  /** Names of the pods the client may call. */
  #ready(): readonly string[] {
    const set = this.#roster.endpoints(GREETER_TARGET).current()
    return set ? usableEndpoints(set).map(({ pod }) => pod) : []
  }

  /** Before there is an endpoint every call would fail, and rightly so. */
  async #firstEndpoint(signal: AbortSignal): Promise<void> {
    for await (const set of this.#roster.endpoints(GREETER_TARGET).watch(signal)) {
      if (usableEndpoints(set).length > 0) break
    }
    signal.throwIfAborted()
    this.#traffic.start()
  }

  #incomplete(count: number, moving: Tally): string {
    const ready = this.#ready()
    const { names } = this.#fleet
    const missing = names.filter((pod) => !ready.includes(pod) || !moving.perPod.has(pod))
    return [
      `not exactly ${count} pods in use after ${SCALE_TIMEOUT_MS / 1000} s`,
      `the client may call: ${ready.join(', ') || 'none'}`,
      `the calls reached: ${[...moving.perPod.keys()].join(', ') || 'none'}`,
      this.#fleet.logOf(missing),
    ].join('\n')
  }

  async #watchSteady(name: string, moving: Tally, steady: Tally): Promise<void> {
    this.#scene = { phase: name, step: 'steady' }
    await pause(STEADY_MS, undefined, { signal: this.#stage.signal })
    this.phases.push({ name, ready: this.#fleet.names, moving, steady })
  }
}

const sameMembers = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((member) => other.includes(member))
