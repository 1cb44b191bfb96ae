import type { EndpointChange__Output, EndpointSet__Output, Resume } from '@roster/proto'
import { applyChange, type EndpointSet, fromSnapshot, type ServiceName } from './endpoint-set.ts'
import type { EndpointListener, EndpointState } from './endpoint-source.ts'
import type { RosterError } from './roster-error.ts'

/** One service of a watcher: its set, where to resume, and who wants to know. */
export class Subscription {
  readonly name: ServiceName
  readonly #listeners = new Set<{ readonly tell: EndpointListener }>()
  #state: EndpointState = {}
  #resume: { readonly storeId: string; readonly revision: number } | undefined

  constructor(name: ServiceName) {
    this.name = name
  }

  get set(): EndpointSet | undefined {
    return this.#state.set
  }

  /** What the registry need not send again; undefined: nothing. */
  get resume(): Resume | undefined {
    return this.#resume
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

  /** `storeId`: history the stream is in; undefined before the stream's first bookmark. */
  applySnapshot(
    snapshot: EndpointSet__Output,
    revision: number,
    storeId: string | undefined,
  ): void {
    // A revision without its history is worth nothing: the bookmark that follows has it.
    this.#resume = storeId === undefined ? undefined : { storeId, revision }
    this.#tell({ set: fromSnapshot(snapshot, revision) })
  }

  /** Returns whether the set now adds up to the digest the change came with. */
  applyChange(change: EndpointChange__Output, revision: number): boolean {
    // Late, from before an unsubscription: the snapshot that was asked for comes next.
    if (this.#state.set === undefined) return true
    const set = applyChange(this.#state.set, change, revision)
    if (set.hash !== change.hash) return false
    if (this.#resume) this.#resume = { ...this.#resume, revision }
    this.#tell({ set })
    return true
  }

  /** Returns whether the set adds up to the digest of a bookmark. */
  confirm(hash: number, revision: number, storeId: string): boolean {
    if (this.#state.set === undefined) return true
    if (this.#state.set.hash !== hash) return false
    this.#resume = { storeId, revision }
    return true
  }

  /** Makes the next subscription start from nothing; the set stays in use till then. */
  forget(): void {
    this.#resume = undefined
  }

  /** The registry cannot be reached. News only to those who know nothing better. */
  fail(error: RosterError): void {
    if (this.#state.set === undefined) this.#tell({ error })
  }

  #tell(state: EndpointState): void {
    this.#state = state
    for (const { tell } of [...this.#listeners]) tell(state)
  }
}
