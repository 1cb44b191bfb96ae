import { type Probe, sameProbe } from '../model/probe.ts'
import { currentMark } from '../model/probed.ts'
import type { PodEntry } from '../registry/pod-entry.ts'
import type { ProbeMarks } from '../registry/probe-marks.ts'
import type { View } from '../registry/view.ts'
import { ask, toTimerMs } from './ask.ts'
import type { Outcome } from './outcome.ts'
import type { Slots } from './slots.ts'
import { Tally } from './tally.ts'

/** What a probe works with. */
export interface ProbeTools {
  readonly view: View
  readonly marks: ProbeMarks
  readonly slots: Slots
  /** An error that is nobody's to handle. */
  readonly onError: (error: unknown, pod: string) => void
}

/**
 * Probes one life of a pod until it is stopped. The mark that is stored holds
 * until enough probes in a row say otherwise, through restarts of the registry.
 */
export class PodProbe {
  readonly #entry: PodEntry
  readonly #uid: string
  readonly #probe: Probe
  readonly #tools: ProbeTools
  readonly #tally: Tally
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined

  /** Begins after the probe's initial delay and `jitterMs`. */
  constructor(entry: PodEntry, probe: Probe, jitterMs: number, tools: ProbeTools) {
    const pod = entry.stored.object
    this.#entry = entry
    this.#uid = pod.metadata.uid
    this.#probe = probe
    this.#tools = tools
    this.#tally = new Tally(probe)
    this.#wait(toTimerMs(probe.initialDelaySeconds + jitterMs / 1000))
  }

  /** Whether it is the same life of the pod, asked in the same way. */
  isOf(uid: string, probe: Probe): boolean {
    return uid === this.#uid && sameProbe(probe, this.#probe)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stop.abort()
  }

  #wait(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#turn(), delayMs).unref()
  }

  async #turn(): Promise<void> {
    const { signal } = this.#stop
    const askedMs = performance.now()
    const outcome = await this.#tools.slots.run(signal, () =>
      ask(this.#entry.stored.object, this.#probe, signal),
    )
    if (signal.aborted || outcome === undefined) return
    const tookMs = performance.now() - askedMs
    this.#wait(Math.max(0, toTimerMs(this.#probe.periodSeconds) - tookMs))
    await this.#note(outcome)
  }

  /** Stores what is decided, unless that is what is stored. What could not be stored is decided again. */
  async #note(outcome: Outcome): Promise<void> {
    const decision = this.#tally.add(outcome)
    if (decision === undefined) return
    const status = decision === 'success' ? 'True' : 'False'
    const { key, stored } = this.#entry
    const { marks, view, onError } = this.#tools
    const known = currentMark(stored.object, view.marks.probed.get(key))
    if (known?.condition.status === status) return
    const { reason, message } = outcome
    const lastTransitionTime = new Date().toISOString()
    const condition = { type: 'Probed', status, reason, message, lastTransitionTime } as const
    try {
      await marks.put(key, { uid: this.#uid, probe: this.#probe, condition })
    } catch (error) {
      onError(error, key)
    }
  }
}
