import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from '../model/pod.ts'
import { PROBE_DEFAULTS } from '../model/probe.ts'
import type { PodEntry } from '../registry/pod-entry.ts'
import type { Protection } from '../registry/protection.ts'
import type { View } from '../registry/view.ts'
import { firstAddressOf } from './address.ts'
import { ask, toTimerMs } from './ask.ts'
import type { Outcome } from './outcome.ts'
import type { Slots } from './slots.ts'
import { probeTcp } from './tcp-probe.ts'

/**
 * Asks the pods of held leases whether they are dead after all: by their probe,
 * or by connecting to their first TCP port, with the timing of the probe or its
 * defaults. A lease all of whose pods have failed often enough in a row is let go.
 * Only failures that something answered count: silence is just what is in doubt,
 * the registry's own network.
 */
export class DeathWatch {
  readonly #view: View
  readonly #protection: Protection
  readonly #slots: Slots
  readonly #stop = new AbortController()

  constructor(view: View, protection: Protection, slots: Slots) {
    this.#view = view
    this.#protection = protection
    this.#slots = slots
  }

  /** Watches over a lease that has just been held, for as long as it is. */
  async watch(lease: string): Promise<void> {
    const pods = [...this.#view.podsOfLease(lease)]
    const died = await Promise.all(pods.map((pod) => this.#dies(pod, lease)))
    if (died.every(Boolean)) this.#protection.release(lease)
  }

  stop(): void {
    this.#stop.abort()
  }

  /** Resolves when the pod is proven dead, or when that no longer matters. */
  async #dies(entry: PodEntry, lease: string): Promise<boolean> {
    const { failureThreshold, periodSeconds } =
      entry.stored.object.spec.readinessProbe ?? PROBE_DEFAULTS
    const { signal } = this.#stop
    for (let failures = 0; failures < failureThreshold; ) {
      if (signal.aborted || !this.#protection.isHeld(lease)) return false
      const pod = entry.stored.object
      const outcome = await this.#slots.run(signal, () => question(pod, signal))
      if (outcome === undefined) return false
      failures = outcome.isAnswered && !outcome.isSuccess ? failures + 1 : 0
      if (failures < failureThreshold) await this.#pause(periodSeconds)
    }
    return true
  }

  async #pause(periodSeconds: number): Promise<void> {
    const { signal } = this.#stop
    // It fails only when the watch stops, which is looked at next.
    await sleep(toTimerMs(periodSeconds), undefined, { ref: false, signal }).catch(() => undefined)
  }
}

async function question(pod: Pod, signal: AbortSignal): Promise<Outcome | undefined> {
  const { readinessProbe } = pod.spec
  if (readinessProbe !== undefined) return ask(pod, readinessProbe, signal)
  const address = firstAddressOf(pod)
  const timeoutMs = toTimerMs(PROBE_DEFAULTS.timeoutSeconds)
  return address && probeTcp(address, { timeoutMs, signal })
}
