import type { EndpointSlice } from '../model/endpoint-slice.ts'
import {
  type EmptyReason,
  type Endpoint,
  handWrittenEndpointsOf,
  sameEndpoint,
} from '../model/endpoints.ts'
import type { Stored } from '../model/meta.ts'
import { type Requirement, selectorOf } from '../model/selector.ts'
import { hasSelector, type Service } from '../model/service.ts'
import type { Revision } from '../store/store.ts'

/** What differs between two moments of a set. */
export interface SetDifference {
  readonly added: readonly Endpoint[]
  readonly changed: readonly Endpoint[]
  /** Ids. */
  readonly removed: readonly string[]
}

/**
 * The endpoints of one service, kept up to date change by change. It also knows
 * names nobody has applied yet: a watcher may wait for a service to come.
 */
export class EndpointSet {
  readonly namespace: string
  readonly name: string
  /** The service; undefined when there is none of that name. */
  definition: Stored<Service> | undefined
  requirements: readonly Requirement[] = []
  /** Revision at which what a watcher sees of it last changed. */
  lastChanged: Revision
  /** Sum of the endpoints' hashes modulo 2^32. */
  hash = 0
  readonly #byMember = new Map<string, Endpoint | undefined>()
  /** For each member that changed since `takeDifference`, what it was then. */
  readonly #before = new Map<string, Endpoint | undefined>()
  #size = 0
  #lastLeft: EmptyReason | undefined

  constructor(namespace: string, name: string, revision: Revision) {
    this.namespace = namespace
    this.name = name
    this.lastChanged = revision
  }

  /** Number of endpoints. */
  get size(): number {
    return this.#size
  }

  /** Number of members, those without an endpoint included. */
  get memberCount(): number {
    return this.#byMember.size
  }

  /** Names of all members: pods the selector chooses and hand-written addresses. */
  members(): IterableIterator<string> {
    return this.#byMember.keys()
  }

  *endpoints(): IterableIterator<Endpoint> {
    for (const endpoint of this.#byMember.values()) if (endpoint !== undefined) yield endpoint
  }

  /** Whether endpoints changed since `takeDifference`. */
  get isDirty(): boolean {
    return this.#before.size > 0
  }

  /** Why there are no endpoints; undefined when there are some. */
  get emptyReason(): EmptyReason | undefined {
    if (this.#size > 0) return undefined
    const service = this.definition?.object
    if (service === undefined) return 'NO_SUCH_SERVICE'
    if (service.spec.type === 'ExternalName') return 'EXTERNAL_NAME'
    if (!hasSelector(service.spec)) return 'NO_HAND_WRITTEN_ENDPOINTS'
    if (this.#byMember.size > 0) return 'NO_ADDRESS'
    return this.#lastLeft ?? 'NO_SELECTOR_MATCH'
  }

  /** Sets or clears the service itself. The members are the caller's to bring up to date. */
  define(definition: Stored<Service> | undefined): void {
    this.definition = definition
    const spec = definition?.object.spec
    this.requirements = spec !== undefined && hasSelector(spec) ? selectorOf(spec) : []
    if (definition === undefined) this.#lastLeft = undefined
  }

  /**
   * Puts a member's endpoint, or undefined for a member that makes none, and
   * answers whether watchers lose by it: gone, or no longer ready. `undefined`
   * where nothing changed.
   */
  put(member: string, endpoint: Endpoint | undefined): 'loss' | 'change' | undefined {
    const old = this.#byMember.get(member)
    this.#byMember.set(member, endpoint)
    return this.#replace(member, old, endpoint)
  }

  /** Takes a member out; `reason` is what an empty set will say. */
  delete(member: string, reason: EmptyReason): 'loss' | 'change' | undefined {
    const old = this.#byMember.get(member)
    if (!this.#byMember.delete(member)) return undefined
    this.#lastLeft = reason
    return this.#replace(member, old, undefined)
  }

  /** Derives the hand-written endpoints anew. */
  putSlices(slices: readonly EndpointSlice[]): 'loss' | 'change' | undefined {
    const service = this.definition?.object
    const wanted = service === undefined ? [] : handWrittenEndpointsOf(service, slices)
    const ids = new Set(wanted.map((endpoint) => endpoint.id))
    let result: 'loss' | 'change' | undefined
    const note = (one: 'loss' | 'change' | undefined) => {
      result = one === 'loss' ? one : (result ?? one)
    }
    for (const member of [...this.#byMember.keys()]) {
      if (!ids.has(member)) note(this.delete(member, 'NO_HAND_WRITTEN_ENDPOINTS'))
    }
    for (const endpoint of wanted) note(this.put(endpoint.id, endpoint))
    return result
  }

  /** What changed since the last call. Costs what changed, not what there is. */
  takeDifference(): SetDifference {
    const added: Endpoint[] = []
    const changed: Endpoint[] = []
    const removed: string[] = []
    for (const [member, before] of this.#before) {
      const now = this.#byMember.get(member)
      if (before !== undefined && before.id !== now?.id) removed.push(before.id)
      if (now === undefined) continue
      if (before?.id !== now.id) added.push(now)
      else if (!sameEndpoint(before, now)) changed.push(now)
    }
    this.#before.clear()
    return { added, changed, removed }
  }

  #replace(
    member: string,
    old: Endpoint | undefined,
    endpoint: Endpoint | undefined,
  ): 'loss' | 'change' | undefined {
    if (old === endpoint) return undefined
    if (old !== undefined && endpoint !== undefined && sameEndpoint(old, endpoint)) return undefined
    if (!this.#before.has(member)) this.#before.set(member, old)
    if (old !== undefined) this.#size--
    if (endpoint !== undefined) this.#size++
    this.hash = (this.hash - (old?.hash ?? 0) + (endpoint?.hash ?? 0)) >>> 0
    if (old?.ready !== true) return 'change'
    return endpoint?.ready === true && endpoint.id === old.id ? 'change' : 'loss'
  }
}
