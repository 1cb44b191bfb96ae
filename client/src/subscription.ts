import type { EndpointChange__Output, EndpointSet__Output } from '@roster/proto'
import { applyChange, type EndpointSet, fromSnapshot, type ServiceName } from './endpoint-set.ts'
import type { EndpointListener, EndpointState } from './endpoint-source.ts'
import type { EventListener } from './events.ts'
import { PROTECTED_MS, suspiciousLosses, unknownOf, withKept } from './lost-data-guard.ts'
import type { RosterError } from './roster-error.ts'

/** A set, and how the registry knows it. */
export interface KnownSet {
  readonly set: EndpointSet
  /** What the registry need not send again; absent when it has not said which history it has. */
  readonly resume?: { readonly storeId: string; readonly revision: number }
  /** When the registry last said that it is so, on the clock of performance.now(). */
  readonly confirmedAtMs: number
}

export interface SubscriptionOptions {
  /** What a former life of this process knew. */
  readonly former?: KnownSet | undefined
  /** How long listeners are spared a former set while the registry may still answer, in ms. */
  readonly graceMs?: number
  /** How long endpoints are kept that a registry without its data does not know, in ms. */
  readonly protectMs?: number
  readonly onEvent?: EventListener
}

/** One service of a watcher: its set, where to resume, and who wants to know. */
export class Subscription {
  readonly name: ServiceName
  readonly #listeners = new Set<{ readonly tell: EndpointListener }>()
  readonly #protectMs: number
  readonly #onEvent: EventListener
  /** What listeners know. */
  #state: EndpointState = {}
  /** The set in force: what listeners know, or of a former life and soon to be known. */
  #inForce: EndpointSet | undefined
  /** What the registry says: the same, unless listeners are spared something. */
  #said: EndpointSet | undefined
  /** History of `#said`, or of what was said before as long as its own is not known. */
  #storeId: string | undefined
  #revision: number | undefined
  #confirmedAtMs: number | undefined
  /** Said on a stream whose history is not known, and suspicious: not told until it is. */
  #isOnTrial = false
  /** A set whose endpoints stay in use although the registry does not know them. */
  #kept: EndpointSet | undefined
  #keptTimer: NodeJS.Timeout | undefined
  #graceTimer: NodeJS.Timeout | undefined

  constructor(name: ServiceName, options: SubscriptionOptions = {}) {
    this.name = name
    this.#protectMs = options.protectMs ?? PROTECTED_MS
    this.#onEvent = options.onEvent ?? (() => {})
    const { former, graceMs = 300 } = options
    if (former === undefined) return
    this.#said = former.set
    this.#inForce = former.set
    this.#storeId = former.resume?.storeId
    this.#revision = former.resume?.revision
    this.#confirmedAtMs = former.confirmedAtMs
    this.#graceTimer = setTimeout(() => {
      this.#tell({ set: former.set, isStale: true })
    }, graceMs).unref()
  }

  /** What listeners know. */
  get set(): EndpointSet | undefined {
    return this.#state.set
  }

  /** What the registry need not send again; undefined: nothing. */
  get resume(): KnownSet['resume'] {
    if (this.#storeId === undefined || this.#revision === undefined) return undefined
    return { storeId: this.#storeId, revision: this.#revision }
  }

  /** What a next life of this process may start from. */
  get known(): KnownSet | undefined {
    if (this.#isOnTrial || !this.#said || this.#confirmedAtMs === undefined) return undefined
    const { resume } = this
    return { set: this.#said, ...(resume && { resume }), confirmedAtMs: this.#confirmedAtMs }
  }

  /** When the registry last said that the set is so, on the clock of performance.now(). */
  get confirmedAtMs(): number | undefined {
    return this.#confirmedAtMs
  }

  /** Whether listeners have not been told of the last snapshot yet: see applySnapshot. */
  get isOnTrial(): boolean {
    return this.#isOnTrial
  }

  get isUnused(): boolean {
    return this.#listeners.size === 0
  }

  /** Adds a listener; never calls it before returning. Returns how to take it out. */
  add(tell: EndpointListener): () => void {
    const listener = { tell }
    this.#listeners.add(listener)
    const known = this.#state
    if (known.set || known.error) {
      process.nextTick(() => {
        // What changed meanwhile has been told already.
        if (this.#listeners.has(listener) && this.#state === known) tell(known)
      })
    }
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /**
   * `storeId`: history the stream is in; undefined before the stream's first bookmark.
   * Till then a snapshot that takes most endpoints away is on trial: listeners are told of
   * it when it is known whether the registry has only lost its data.
   */
  applySnapshot(
    snapshot: EndpointSet__Output,
    revision: number,
    storeId: string | undefined,
  ): void {
    this.#said = fromSnapshot(snapshot, revision)
    // A revision without its history is worth nothing: the bookmark that follows has it.
    this.#revision = undefined
    this.#isOnTrial = this.#losses.length > 0
    if (storeId !== undefined) this.#settle(storeId, revision)
    this.#show()
  }

  /** Returns whether the set now adds up to the digest the change came with. */
  applyChange(change: EndpointChange__Output, revision: number): boolean {
    // Late, from before an unsubscription: the snapshot that was asked for comes next.
    if (this.#said === undefined) return true
    const set = applyChange(this.#said, change, revision)
    if (set.hash !== change.hash) return false
    this.#said = set
    if (this.#revision !== undefined) this.#revision = revision
    this.#show()
    return true
  }

  /** Returns whether the set adds up to the digest of a bookmark. */
  confirm(hash: number, revision: number, storeId: string): boolean {
    if (this.#said === undefined) return true
    if (this.#said.hash !== hash) return false
    const isNews = this.#isOnTrial || this.#state.isStale || this.#state.set === undefined
    this.#settle(storeId, revision)
    if (isNews) this.#show()
    else this.#confirmedAtMs = performance.now()
    return true
  }

  /** Makes the next subscription start from nothing; the set stays in use till then. */
  forget(): void {
    this.#revision = undefined
  }

  /** The registry cannot be reached. News only to those who know nothing better. */
  fail(error: RosterError): void {
    if (this.#said === undefined) this.#tell({ error })
  }

  /** Nobody listens any more. */
  close(): void {
    clearTimeout(this.#graceTimer)
    clearTimeout(this.#keptTimer)
  }

  /** The history of what was said is known. */
  #settle(storeId: string, revision: number): void {
    const isOtherStore = this.#storeId !== undefined && this.#storeId !== storeId
    // Only then: a registry that has its history and says that pods are gone has seen
    // them go, and to call them any longer would be wrong. One with another history
    // began anew: it does not know the pods, and those that live come back to it
    // within a lease's time.
    if (this.#isOnTrial && isOtherStore) this.#protect()
    this.#isOnTrial = false
    this.#storeId = storeId
    this.#revision = revision
  }

  get #losses(): EndpointSet['endpoints'] {
    return this.#inForce && this.#said ? suspiciousLosses(this.#inForce, this.#said) : []
  }

  #protect(): void {
    const endpoints = this.#losses
    if (this.#inForce === undefined || endpoints.length === 0) return
    this.#kept = { ...this.#inForce, endpoints }
    clearTimeout(this.#keptTimer)
    this.#keptTimer = setTimeout(() => {
      this.#kept = undefined
      this.#show()
    }, this.#protectMs).unref()
    const forMs = this.#protectMs
    this.#onEvent({ type: 'protected', ...this.name, endpoints: endpoints.length, forMs })
  }

  /** Tells listeners what the registry says, and what is kept in spite of it. */
  #show(): void {
    if (this.#said === undefined || this.#isOnTrial) return
    clearTimeout(this.#graceTimer)
    this.#confirmedAtMs = performance.now()
    this.#kept = this.#kept && unknownOf(this.#kept, this.#said)
    this.#inForce = this.#kept ? withKept(this.#said, this.#kept) : this.#said
    this.#tell({ set: this.#inForce })
  }

  #tell(state: EndpointState): void {
    this.#state = state
    for (const { tell } of [...this.#listeners]) tell(state)
  }
}
