import type { Logger } from 'pino'
import type { Frontend } from '../model/frontend.ts'
import { ownIPs } from '../userspace/route.ts'
import { CommandError } from './command.ts'
import { forgetStaleFlows, type UdpFrontend } from './stale-flows.ts'

export interface FlowKeeperOptions {
  /** CIDRs of all ClusterIPs. */
  readonly serviceRanges: readonly string[]
  readonly log: Logger
}

/** Keeps the UDP flows of clients in step with the rules. */
export class FlowKeeper {
  readonly #serviceRanges: readonly string[]
  readonly #log: Logger
  /** What changed since flows were looked at with success, by key. */
  readonly #changed = new Map<string, UdpFrontend>()
  #isMissing = false

  constructor({ serviceRanges, log }: FlowKeeperOptions) {
    this.#serviceRanges = serviceRanges
    this.#log = log
  }

  /** These UDP frontends came, changed or went. */
  note(frontends: ReadonlyMap<string, UdpFrontend>): void {
    for (const [key, frontend] of frontends) this.#changed.set(key, frontend)
  }

  /** The rules for what was noted are in force: settles the flows there were before. */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#changed.size > 0) await this.#forget([], signal)
  }

  /** All rules are in force, whatever was before. */
  async settleAll(frontends: ReadonlyMap<string, Frontend>, signal: AbortSignal): Promise<void> {
    for (const [key, frontend] of frontends) {
      if (frontend.protocol === 'UDP') this.#changed.set(key, frontend)
    }
    await this.#forget(this.#serviceRanges, signal)
  }

  async #forget(serviceRanges: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#isMissing) return this.#changed.clear()
    const rules = { frontends: [...this.#changed.values()], serviceRanges, ownIPs: ownIPs() }
    try {
      const groups = await forgetStaleFlows(rules, signal)
      if (groups > 0) this.#log.info({ groups }, 'UDP flows to former endpoints forgotten')
      this.#changed.clear()
    } catch (error) {
      if (!signal.aborted) this.#warn(error)
    }
  }

  #warn(error: unknown): void {
    this.#isMissing = error instanceof CommandError && error.code === 'ENOENT'
    this.#log.warn(
      { reason: error instanceof Error ? error.message : error },
      this.#isMissing
        ? 'UDP clients stay with a former endpoint until they are silent for 30 to 120 s: install the program conntrack'
        : 'UDP flows to former endpoints could not be forgotten: trying again with the next change',
    )
  }
}
