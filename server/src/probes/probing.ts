import type { Logger } from 'pino'
import type { PodCondition } from '../model/probed.ts'
import type { Commits } from '../registry/commits.ts'
import { ProbeMarks } from '../registry/probe-marks.ts'
import type { Protection } from '../registry/protection.ts'
import type { View } from '../registry/view.ts'
import { DeathWatch } from './death-watch.ts'
import { DialBack } from './dial-back.ts'
import { ReadinessProbes } from './readiness-probes.ts'
import { Slots } from './slots.ts'

/** Probes under way at a time; the others wait in line. */
const MAX_IN_FLIGHT = 256

export interface ProbingOptions {
  readonly view: View
  readonly commits: Commits
  readonly protection: Protection
  readonly log: Logger
  /** Whether pods that register are connected to. */
  readonly dialBack: boolean
}

/** All that the registry finds out of pods by calling them. Begins when it is made. */
export class Probing {
  readonly #view: View
  readonly #probes: ReadinessProbes
  readonly #dialBack: DialBack | undefined
  readonly #deaths: DeathWatch

  constructor({ view, commits, protection, log, dialBack }: ProbingOptions) {
    const slots = new Slots(MAX_IN_FLIGHT)
    this.#view = view
    this.#deaths = new DeathWatch(view, protection, slots)
    this.#dialBack = dialBack ? new DialBack(log) : undefined
    this.#probes = new ReadinessProbes({
      view,
      slots,
      marks: new ProbeMarks(view, commits),
      onError: (error, pod) => log.error({ err: error, pod }, 'what a probe found is not stored'),
    })
    this.#probes.start()
    view.onPod((change) => {
      this.#probes.follow(change)
      this.#dialBack?.follow(change)
    })
  }

  /** Whether a pod, `namespace/name`, could be connected to when it registered. */
  reachable(pod: string): PodCondition | undefined {
    return this.#dialBack?.condition(this.#view.pods.get(pod))
  }

  /** A lease has run out and is held. */
  held(lease: string): void {
    void this.#deaths.watch(lease)
  }

  /** Ends all calls under way; nothing starts any more. */
  stop(): void {
    this.#view.onPod(() => undefined)
    this.#probes.stop()
    this.#dialBack?.stop()
    this.#deaths.stop()
  }
}
