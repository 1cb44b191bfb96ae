import { parseKey } from '../model/keys.ts'
import { fullName } from '../model/meta.ts'
import type { DueLease, LeaseId } from '../store/store.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { View } from './view.ts'

/** Expiries of one service that come within this time count as one. */
const WINDOW_MS = 10_000
/** So many pods of a service must be about to go before the registry doubts, and … */
const MIN_PODS = 3
/** … more than this share of the service's pods. */
const MAX_SHARE = 0.3
/** Doubt ends after this. */
const HOLD_MS = 300_000

/** A lease that has run out and is held. */
export interface HeldLease {
  readonly lease: LeaseId
  /** Services for whose sake. */
  readonly services: readonly string[]
  /** Since when, monotonic milliseconds. */
  readonly sinceMs: number
}

/**
 * Doubts mass death. When too many pods of one service would expire at once, it
 * is more likely the registry's own network that failed: their leases are held,
 * for 5 minutes, until a beat comes or until they are proven dead. Other services' leases expire as they are.
 */
export class Protection {
  readonly #view: View
  readonly #now: () => number
  readonly #held = new Map<LeaseId, HeldLease>()
  readonly #onHold: (held: HeldLease) => void
  /** Pods that were let go lately, per set: when, and how many. */
  readonly #gone = new WeakMap<EndpointSet, { readonly atMs: number; readonly pods: number }[]>()

  constructor(
    view: View,
    options: {
      /** Monotonic milliseconds. */
      readonly now?: () => number
      readonly onHold?: (held: HeldLease) => void
    } = {},
  ) {
    this.#view = view
    this.#now = options.now ?? (() => performance.now())
    this.#onHold = options.onHold ?? (() => undefined)
  }

  isHeld(lease: LeaseId): boolean {
    return this.#held.has(lease)
  }

  /** A beat has come: the lease is out of doubt. */
  renewed(lease: LeaseId): void {
    this.#held.delete(lease)
  }

  /** The pods of a held lease are proven dead: it goes when the store asks next. */
  release(lease: LeaseId): void {
    const held = this.#held.get(lease)
    if (held !== undefined) this.#held.set(lease, { ...held, sinceMs: Number.NEGATIVE_INFINITY })
  }

  /** The store's ExpiryGuard: of the leases that have run out, those to keep for now. */
  guard(due: readonly DueLease[]): ReadonlySet<LeaseId> {
    const nowMs = this.#now()
    // A lease that is no longer due has been renewed or revoked.
    const leases = new Set(due.map(({ lease }) => lease))
    for (const lease of this.#held.keys()) if (!leases.has(lease)) this.#held.delete(lease)

    const setsOf = new Map(due.map(({ lease, keys }) => [lease, this.#setsOf(keys)]))
    const dueIn = new Map<EndpointSet, number>()
    for (const sets of setsOf.values()) {
      for (const [set, pods] of sets) dueIn.set(set, (dueIn.get(set) ?? 0) + pods)
    }
    const doubted = new Set<EndpointSet>()
    for (const [set, pods] of dueIn) if (this.#isTooMany(set, pods, nowMs)) doubted.add(set)

    const kept = new Set<LeaseId>()
    for (const [lease, sets] of setsOf) {
      const inDoubt = [...sets.keys()].filter((set) => doubted.has(set))
      if (this.#holds(lease, inDoubt, nowMs)) kept.add(lease)
      else this.#letGo(lease, sets, nowMs)
    }
    return kept
  }

  #isTooMany(set: EndpointSet, due: number, nowMs: number): boolean {
    const recent = (this.#gone.get(set) ?? []).filter(({ atMs }) => atMs > nowMs - WINDOW_MS)
    if (recent.length === 0) this.#gone.delete(set)
    else this.#gone.set(set, recent)
    const gone = recent.reduce((sum, { pods }) => sum + pods, 0)
    const going = due + gone
    return going >= MIN_PODS && going > MAX_SHARE * (set.memberCount + gone)
  }

  #holds(lease: LeaseId, inDoubt: readonly EndpointSet[], nowMs: number): boolean {
    const known = this.#held.get(lease)
    // Once held, held to the end: that some others have come back does not make
    // this one dead.
    if (known !== undefined) return nowMs - known.sinceMs < HOLD_MS
    if (inDoubt.length === 0) return false
    const services = inDoubt.map(({ namespace, name }) => fullName({ namespace, name }))
    const held = { lease, services, sinceMs: nowMs }
    this.#held.set(lease, held)
    this.#onHold(held)
    return true
  }

  #letGo(lease: LeaseId, sets: ReadonlyMap<EndpointSet, number>, nowMs: number): void {
    // What was held long enough goes in peace, and does not make others suspect.
    if (this.#held.delete(lease)) return
    for (const [set, pods] of sets) {
      const gone = this.#gone.get(set)
      if (gone === undefined) this.#gone.set(set, [{ atMs: nowMs, pods }])
      else gone.push({ atMs: nowMs, pods })
    }
  }

  #setsOf(keys: readonly string[]): ReadonlyMap<EndpointSet, number> {
    const sets = new Map<EndpointSet, number>()
    for (const key of keys) {
      const parsed = parseKey(key)
      if (parsed?.kind !== 'pods') continue
      for (const set of this.#view.pods.get(parsed.rest)?.sets ?? []) {
        sets.set(set, (sets.get(set) ?? 0) + 1)
      }
    }
    return sets
  }
}
