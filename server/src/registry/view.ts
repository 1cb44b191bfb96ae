import type { EndpointSlice } from '../model/endpoint-slice.ts'
import { type EmptyReason, endpointOf } from '../model/endpoints.ts'
import { parseKey } from '../model/keys.ts'
import { type Stored, sameLabels } from '../model/meta.ts'
import type { Disconnected, Pod, PodOverride } from '../model/pod.ts'
import type { Probed } from '../model/probed.ts'
import { hasSelector, SERVICE_NAME_LABEL, type Service } from '../model/service.ts'
import {
  type Batch,
  type Change,
  type Entry,
  LEASE_EXPIRED,
  type LeaseId,
  type Revision,
  type Store,
} from '../store/store.ts'
import { EndpointSet } from './endpoint-set.ts'
import { Membership } from './membership.ts'
import { PodEntry } from './pod-entry.ts'
import { PodMarks } from './pod-marks.ts'
import { setOrDelete, Table } from './table.ts'

/** What one batch did to the endpoint sets. */
export interface SetChanges {
  readonly revision: Revision
  /** When the batch was committed, milliseconds since the epoch. */
  readonly timeMs: number
  /** Sets that changed; `loss` where an endpoint went or is no longer ready. */
  readonly sets: ReadonlyMap<EndpointSet, Effect>
}

/** A pod that was written or went. */
export interface PodChange {
  readonly key: string
  /** As it was; undefined for one that is new. */
  readonly before: Pod | undefined
  /** As it is; undefined for one that went. */
  readonly entry: PodEntry | undefined
}

/** How a set changed: `definition` means that the service itself did, `loss` weighs more than `change`. */
export type Effect = 'definition' | 'loss' | 'change'

/**
 * The registry's picture in memory, at one revision of the store: all reads
 * come from here. It follows the store's log; endpoint sets are derived as the
 * changes come, at a cost that grows with the change.
 */
export class View {
  readonly services = new Table<Stored<Service>>()
  readonly pods = new Table<PodEntry>()
  readonly slices = new Table<Stored<EndpointSlice>>()
  readonly marks = new PodMarks()
  readonly #podsOfLease = new Map<LeaseId, Set<PodEntry>>()
  readonly #slicesOfService = new Map<string, Map<string, EndpointSlice>>()
  readonly #sets = new Map<string, EndpointSet>()
  readonly #membership = new Membership<EndpointSet, PodEntry>()
  readonly #waiting: { readonly revision: Revision; readonly resolve: () => void }[] = []
  #listener: ((changes: SetChanges) => void) | undefined
  #podListener: ((change: PodChange) => void) | undefined
  #revision: Revision = 0
  #effects = new Map<EndpointSet, Effect>()
  #leaving: EmptyReason = 'SCALED_TO_ZERO'

  get revision(): Revision {
    return this.#revision
  }

  /** Hears of every batch that changes a set, right after it has been applied. One listener: the watch hub. */
  onChange(listener: (changes: SetChanges) => void): void {
    this.#listener = listener
  }

  /** Hears of every pod that was written or went, in the middle of a batch. One listener: the probes. */
  onPod(listener: (change: PodChange) => void): void {
    this.#podListener = listener
  }

  podsOfLease(lease: LeaseId): ReadonlySet<PodEntry> {
    return this.#podsOfLease.get(lease) ?? new Set()
  }

  sets(): IterableIterator<EndpointSet> {
    return this.#sets.values()
  }

  /** The set of a service, whether there is such a service or not. */
  set(namespace: string, name: string): EndpointSet {
    const key = `${namespace}/${name}`
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = new EndpointSet(namespace, name, this.#revision)
      this.#sets.set(key, set)
    }
    return set
  }

  /** Lets go of a set that has no service: nobody waits for it any more. */
  release(set: EndpointSet): void {
    if (set.definition === undefined) this.#sets.delete(`${set.namespace}/${set.name}`)
  }

  /** Resolves when the view has come to the revision: the caller then reads its own write. */
  reached(revision: Revision): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ revision, resolve }))
  }

  /** Fills an empty view. Entries may come in any order of kinds. */
  load(entries: Iterable<Entry>, revision: Revision): void {
    this.#revision = revision
    const services: Entry[] = []
    for (const entry of entries) {
      // Services last, each then finds all of its pods at once.
      if (parseKey(entry.key)?.kind === 'services') services.push(entry)
      else this.#apply(entry, entry.revision)
    }
    for (const entry of services) this.#apply(entry, entry.revision)
    for (const set of this.#effects.keys()) {
      // What was deleted before is not known: every set counts as changed now.
      set.lastChanged = revision
      set.takeDifference()
    }
    this.#effects = new Map()
  }

  /** Follows the store until the signal aborts. */
  async follow(store: Store, signal: AbortSignal): Promise<void> {
    for await (const batch of store.watch(this.#revision, signal)) this.apply(batch)
  }

  /** Takes one batch in and tells the listener. */
  apply(batch: Batch): void {
    this.#revision = batch.revision
    this.#leaving =
      batch.cause.reason === LEASE_EXPIRED.reason ? 'LEASES_EXPIRED' : 'SCALED_TO_ZERO'
    for (const change of batch.changes) this.#apply(change, batch.revision)
    const sets = this.#effects
    if (sets.size > 0) {
      this.#effects = new Map()
      for (const set of sets.keys()) set.lastChanged = batch.revision
      this.#listener?.({ revision: batch.revision, timeMs: batch.timeMs, sets })
    }
    while (this.#waiting[0] !== undefined && this.#waiting[0].revision <= batch.revision) {
      this.#waiting.shift()?.resolve()
    }
  }

  #apply({ key, value, parsed: known }: Change, revision: Revision): void {
    const parsed = parseKey(key)
    if (parsed === undefined) return
    const { kind, rest } = parsed
    // The store holds only what admission has let in, so the shape is known.
    const object: unknown = value === null ? undefined : (known ?? JSON.parse(value))
    switch (kind) {
      case 'pods':
        this.#applyPod(rest, object as Pod | undefined, revision)
        break
      case 'services':
        this.#applyService(rest, object as Service | undefined, revision)
        break
      case 'overrides':
        setOrDelete(this.marks.overrides, rest, object as PodOverride | undefined)
        this.#refresh(this.pods.get(rest))
        break
      case 'probed':
        setOrDelete(this.marks.probed, rest, object as Probed | undefined)
        this.#refresh(this.pods.get(rest))
        break
      case 'endpointslices':
        this.#applySlice(rest, object as EndpointSlice | undefined, revision)
        break
      case 'disconnected':
        setOrDelete(this.marks.disconnected, rest, object as Disconnected | undefined)
        for (const pod of this.podsOfLease(rest)) this.#refresh(pod)
    }
  }

  #applyPod(key: string, object: Pod | undefined, revision: Revision): void {
    const known = this.pods.get(key)
    if (object === undefined) {
      this.pods.delete(key)
      if (known === undefined) return
      this.#membership.removePod(known)
      this.#unlease(known)
      for (const set of known.sets) this.#note(set, set.delete(nameOf(key), this.#leaving))
      this.#podListener?.({ key, before: known.stored.object, entry: undefined })
      return
    }
    const before = known?.stored.object
    const pod = known ?? new PodEntry(key, { object, revision })
    if (known === undefined) this.pods.set(key, pod)
    if (known?.stored.object.status.leaseId !== object.status.leaseId) {
      if (known !== undefined) this.#unlease(known)
      this.#lease(pod, object.status.leaseId)
    }
    if (known === undefined || !sameLabels(known.labels, object.metadata.labels)) {
      this.#relabel(pod, { object, revision })
    }
    pod.stored = { object, revision }
    this.#refresh(pod)
    this.#podListener?.({ key, before, entry: pod })
  }

  #relabel(pod: PodEntry, stored: Stored<Pod>): void {
    this.#membership.removePod(pod)
    pod.stored = stored
    this.#membership.addPod(pod)
    const before = pod.sets
    pod.sets = this.#membership.servicesOf(pod)
    for (const set of before) {
      if (pod.sets.includes(set)) continue
      this.#note(set, set.delete(nameOf(pod.key), 'NO_SELECTOR_MATCH'))
    }
  }

  #lease(pod: PodEntry, lease: LeaseId): void {
    if (lease === '') return
    const pods = this.#podsOfLease.get(lease)
    if (pods === undefined) this.#podsOfLease.set(lease, new Set([pod]))
    else pods.add(pod)
  }

  #unlease(pod: PodEntry): void {
    const lease = pod.stored.object.status.leaseId
    const pods = this.#podsOfLease.get(lease)
    if (pods?.delete(pod) === true && pods.size === 0) this.#podsOfLease.delete(lease)
  }

  #applyService(key: string, object: Service | undefined, revision: Revision): void {
    const [namespace = '', name = ''] = key.split('/')
    const set = this.set(namespace, name)
    const stored = object && { object, revision }
    this.#membership.removeService(set)
    set.define(stored)
    setOrDelete(this.services, key, stored)
    const byLabels = object !== undefined && hasSelector(object.spec)
    if (byLabels) this.#membership.addService(set)
    this.#choose(set, byLabels ? this.#membership.podsOf(set) : [])
    if (!byLabels) set.putSlices([...(this.#slicesOfService.get(key)?.values() ?? [])])
    this.#effects.set(set, 'definition')
  }

  /** Makes these pods, and no others, the members of a set. */
  #choose(set: EndpointSet, pods: readonly PodEntry[]): void {
    const chosen = new Set(pods.map((pod) => nameOf(pod.key)))
    for (const member of [...set.members()]) {
      if (chosen.has(member)) continue
      set.delete(member, 'NO_SELECTOR_MATCH')
      const pod = this.pods.get(`${set.namespace}/${member}`)
      if (pod !== undefined) pod.sets = pod.sets.filter((other) => other !== set)
    }
    for (const pod of pods) {
      if (!pod.sets.includes(set)) pod.sets = [...pod.sets, set]
      this.#refreshIn(set, pod)
    }
  }

  #applySlice(key: string, object: EndpointSlice | undefined, revision: Revision): void {
    const old = this.slices.get(key)?.object
    setOrDelete(this.slices, key, object && { object, revision })
    const services = new Set([serviceOf(old), serviceOf(object)])
    for (const service of services) {
      if (service === undefined) continue
      const slices = this.#slicesOfService.get(service) ?? new Map<string, EndpointSlice>()
      setOrDelete(slices, key, serviceOf(object) === service ? object : undefined)
      if (slices.size === 0) this.#slicesOfService.delete(service)
      else this.#slicesOfService.set(service, slices)
      const set = this.#sets.get(service)
      if (set?.definition === undefined || hasSelector(set.definition.object.spec)) continue
      this.#note(set, set.putSlices([...slices.values()]))
    }
  }

  #refresh(pod: PodEntry | undefined): void {
    for (const set of pod?.sets ?? []) if (pod !== undefined) this.#refreshIn(set, pod)
  }

  #refreshIn(set: EndpointSet, pod: PodEntry): void {
    const service = set.definition?.object
    if (service === undefined) return
    const facts = this.marks.factsOf(pod.key, pod.stored.object)
    this.#note(set, set.put(nameOf(pod.key), endpointOf(service, facts)))
  }

  #note(set: EndpointSet, effect: Effect | undefined): void {
    if (effect === undefined || this.#effects.get(set) === 'definition') return
    if (effect === 'loss' || !this.#effects.has(set)) this.#effects.set(set, effect)
  }
}

const nameOf = (key: string): string => key.slice(key.indexOf('/') + 1)

const serviceOf = (slice: EndpointSlice | undefined): string | undefined =>
  slice && `${slice.metadata.namespace}/${slice.metadata.labels[SERVICE_NAME_LABEL] ?? ''}`
