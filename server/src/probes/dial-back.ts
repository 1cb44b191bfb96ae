import { BlockList, isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { fullName } from '../model/meta.ts'
import type { PodCondition } from '../model/probed.ts'
import type { PodEntry } from '../registry/pod-entry.ts'
import type { PodChange } from '../registry/view.ts'
import { type Address, firstAddressOf } from './address.ts'
import type { Outcome } from './outcome.ts'
import { probeTcp } from './tcp-probe.ts'

const TIMEOUT_MS = 1_000
const MAX_WAITING = 10_000
/**
 * One dial begins in each turn: forty in a second, and so no more than forty at a
 * time. They may not cost the registrations that bring them.
 */
const TURN_MS = 25

/**
 * Connects once to each pod that registers, for the reader of its conditions:
 * most pods nobody can reach have registered a wrong address. It changes nothing
 * else, is kept in memory only, and gives up the newest pods when too many wait.
 */
export class DialBack {
  readonly #log: Logger
  /** By `namespace/name`, in the order they came. */
  readonly #waiting = new Map<string, PodEntry>()
  readonly #found = new WeakMap<PodEntry, PodCondition>()
  readonly #stop = new AbortController()
  #isOverrun = false
  #timer: NodeJS.Timeout | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  follow({ key, before, entry }: PodChange): void {
    if (entry === undefined) {
      this.#waiting.delete(key)
      return
    }
    const pod = entry.stored.object
    const address = firstAddressOf(pod)
    const isKnown =
      before?.metadata.uid === pod.metadata.uid && isSame(firstAddressOf(before), address)
    if (isKnown) return
    this.#found.delete(entry)
    if (address === undefined || this.#stop.signal.aborted) return
    if (this.#waiting.size >= MAX_WAITING && !this.#waiting.has(key)) {
      if (!this.#isOverrun) this.#log.warn('too many pods register at once: not all are dialled')
      this.#isOverrun = true
      return
    }
    this.#waiting.set(key, entry)
    this.#timer ??= setInterval(() => this.#turn(), TURN_MS).unref()
  }

  /** What came of it; undefined for a pod that was not dialled, or not yet. */
  condition(entry: PodEntry | undefined): PodCondition | undefined {
    return entry && this.#found.get(entry)
  }

  stop(): void {
    this.#stop.abort()
    this.#waiting.clear()
    clearInterval(this.#timer)
  }

  #turn(): void {
    const [next] = this.#waiting
    if (next !== undefined) {
      const [key, entry] = next
      this.#waiting.delete(key)
      void this.#dial(entry)
    }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#isOverrun = false
  }

  async #dial(entry: PodEntry): Promise<void> {
    const { metadata } = entry.stored.object
    const address = firstAddressOf(entry.stored.object)
    if (address === undefined) return
    const { signal } = this.#stop
    const outcome = await probeTcp(address, { timeoutMs: TIMEOUT_MS, signal })
    const now = entry.stored.object
    const isOld = now.metadata.uid !== metadata.uid || !isSame(firstAddressOf(now), address)
    if (signal.aborted || isOld) return
    this.#found.set(entry, toCondition(outcome, address))
    if (!outcome.isSuccess) {
      this.#log.debug({ pod: fullName(metadata), reason: outcome.reason }, 'pod is not reachable')
    }
  }
}

const isSame = (a: Address | undefined, b: Address | undefined): boolean =>
  a?.host === b?.host && a?.port === b?.port

function toCondition(outcome: Outcome, address: Address): PodCondition {
  const { isSuccess, reason, message } = outcome
  return {
    type: 'Reachable',
    status: isSuccess ? 'True' : 'False',
    reason,
    message: isSuccess ? message : `${message}; ${usualCause(outcome, address)}`,
    lastTransitionTime: new Date().toISOString(),
  }
}

function usualCause({ reason }: Outcome, { host }: Address): string {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  if (loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')) {
    return 'a loopback address reaches only the machine it is used on: if the pod is on another than the registry, register an address others can reach'
  }
  if (reason === 'ConnectionRefused') {
    return 'nothing listens there: the pod may not have started to, or listens at a loopback address only'
  }
  return 'the address is not reachable from the registry: it may be of a network of containers, or behind a firewall'
}
