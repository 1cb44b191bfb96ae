import type { Pod } from '../model/pod.ts'
import type { PodChange } from '../registry/view.ts'
import { PodProbe, type ProbeTools } from './pod-probe.ts'

/**
 * Probes every pod that asks for it, but those that are about to leave or have
 * ended. A change of a pod without probe costs a look at it.
 */
export class ReadinessProbes {
  readonly #tools: ProbeTools
  /** By `namespace/name`. */
  readonly #probes = new Map<string, PodProbe>()

  constructor(tools: ProbeTools) {
    this.#tools = tools
  }

  /** Takes up the pods there are, and clears marks that outlived theirs. */
  start(): void {
    const { view } = this.#tools
    for (const entry of view.pods.values()) {
      this.follow({ key: entry.key, before: undefined, entry })
    }
    for (const key of view.marks.probed.keys()) {
      if (view.pods.get(key) === undefined) this.#clear(key)
    }
  }

  follow({ key, entry }: PodChange): void {
    const probe = entry?.stored.object.spec.readinessProbe
    if (entry === undefined || probe === undefined) {
      this.#end(key)
      if (this.#tools.view.marks.probed.has(key)) this.#clear(key)
      return
    }
    const pod = entry.stored.object
    if (!isProbed(pod)) {
      this.#end(key)
      return
    }
    if (this.#probes.get(key)?.isOf(pod.metadata.uid, probe)) return
    this.#end(key)
    const jitterMs = this.#jitterMs(probe.periodSeconds)
    this.#probes.set(key, new PodProbe(entry, probe, jitterMs, this.#tools))
  }

  stop(): void {
    for (const key of this.#probes.keys()) this.#end(key)
  }

  /**
   * Spreads the first probes of many pods, a thousand in a second, over one period
   * at most. A pod that comes alone does not wait.
   */
  #jitterMs(periodSeconds: number): number {
    return Math.random() * Math.min(periodSeconds * 1000, this.#probes.size)
  }

  #end(key: string): void {
    this.#probes.get(key)?.stop()
    this.#probes.delete(key)
  }

  #clear(key: string): void {
    const { marks, onError } = this.#tools
    marks.clear(key).catch((error: unknown) => onError(error, key))
  }
}

const isProbed = ({ status }: Pod): boolean =>
  !status.terminating && status.phase !== 'Succeeded' && status.phase !== 'Failed'
