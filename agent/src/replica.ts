import { applyChange, type EndpointSet, fromSnapshot } from '@roster/client'
import type { Bookmark__Output, Resume, WatchEndpointsResponse__Output } from '@roster/proto'

/** The point in a history that a replica is whole at. */
export interface Place {
  readonly storeId: string
  readonly revision: number
}

/** Sets that belong together, and the point they are whole at. */
export interface State {
  readonly sets: ReadonlyMap<string, EndpointSet>
  readonly place?: Place
}

/**
 * What a message did to the replica. `told`: it is applied, nothing more is known.
 * `whole`: everything up to the place is there. `torn`: something was lost on the
 * way; subscribe anew, without resume.
 */
export type Outcome = 'told' | 'whole' | 'torn'

/**
 * All services, as one subscription to everything tells them: what was known
 * before, plus the messages of one stream. Knows when it is whole, by the rules of
 * `SetDigest` in endpoints.proto.
 */
export class Replica {
  readonly #sets: Map<string, EndpointSet>
  readonly #resumed: Place | undefined
  /** Keys the registry has sent since the subscription; undefined: nothing is awaited. */
  #sent: Set<string> | undefined = new Set()
  #place: Place | undefined
  #storeId: string | undefined
  /** Since it was last asked for. */
  #changed = new Set<string>()

  constructor({ sets, place }: State) {
    this.#sets = new Map(sets)
    this.#resumed = place
  }

  /** What the registry need not send again. */
  get resume(): Resume | undefined {
    return this.#resumed
  }

  /** By `namespace/name`. */
  get sets(): ReadonlyMap<string, EndpointSet> {
    return this.#sets
  }

  /** History the stream is in; undefined before its first bookmark. */
  get storeId(): string | undefined {
    return this.#storeId
  }

  /** The newest point at which everything was there; undefined before the first. */
  get place(): Place | undefined {
    return this.#place
  }

  /** Keys of the sets that came, changed or went since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  receive(message: WatchEndpointsResponse__Output): Outcome {
    const { revision, snapshot, change, bookmark } = message
    if (bookmark) return this.#confirm(bookmark, revision)
    if (snapshot) {
      const set = fromSnapshot(snapshot, revision)
      this.#put(keyOf(snapshot), set.definition === undefined ? undefined : set)
      this.#sent?.add(keyOf(snapshot))
      return 'told'
    }
    if (change) {
      const set = this.#sets.get(keyOf(change))
      if (set === undefined) return 'told'
      const next = applyChange(set, change, revision)
      this.#put(keyOf(change), next)
      if (next.hash !== change.hash) return 'torn'
    }
    return 'told'
  }

  /** The subscription was made anew: what the registry does not send again is gone. */
  awaitAll(): void {
    this.#sent = new Set()
  }

  #confirm({ storeId, sets }: Bookmark__Output, revision: number): Outcome {
    const digest = sets.find(({ namespace, service }) => namespace === '' && service === '')
    if (digest === undefined) return 'told'
    const isFirst = this.#storeId === undefined
    const isResumed =
      isFirst && this.#resumed?.storeId === storeId && this.#resumed.revision <= revision
    // A bookmark may have been on its way already when all was asked for again.
    if (this.#sent && !isResumed && (isFirst || this.#isWhole(digest, this.#sent))) {
      for (const key of this.#sets.keys()) if (!this.#sent.has(key)) this.#put(key, undefined)
    }
    this.#storeId = storeId
    if (!this.#isWhole(digest, this.#sets.keys())) return 'torn'
    this.#place = { storeId, revision }
    this.#sent = undefined
    return 'whole'
  }

  #isWhole(
    digest: { readonly hash: number; readonly services: number },
    keys: Iterable<string>,
  ): boolean {
    let hash = 0
    let services = 0
    for (const key of keys) {
      const set = this.#sets.get(key)
      if (set === undefined) continue
      hash = (hash + set.hash) >>> 0
      services++
    }
    return hash === digest.hash && services === digest.services
  }

  #put(key: string, set: EndpointSet | undefined): void {
    if (set === undefined) this.#sets.delete(key)
    else this.#sets.set(key, set)
    this.#changed.add(key)
  }
}

const keyOf = ({ namespace, service }: { readonly namespace: string; readonly service: string }) =>
  `${namespace}/${service}`
