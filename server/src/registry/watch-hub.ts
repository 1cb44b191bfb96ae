import type { Revision } from '../store/store.ts'
import { Audience } from './audience.ts'
import { Coalescer } from './coalescer.ts'
import { digestsOf } from './digests.ts'
import type { EventEncoder } from './encoder.ts'
import type { EndpointSet } from './endpoint-set.ts'
import { Rounds } from './rounds.ts'
import type { SetChanges, View } from './view.ts'
import { type Subscription, Watcher, type WatchSink } from './watcher.ts'

/** How often a watcher is told that it has everything. */
const BOOKMARK_MS = 5_000

/**
 * Tells watchers of every change of the sets they are subscribed to. A change is
 * written once and the same bytes go to all who are in sync; who is behind gets
 * the whole set when it reads again. A lone change goes out at the end of the
 * turn, as do all losses; in a storm of changes messages of a set are 10 to 50 ms
 * apart, and sending takes half of the time at most.
 */
export class WatchHub {
  readonly #view: View
  readonly #encoder: EventEncoder
  readonly #storeId: string
  readonly #now: () => number
  readonly #audiences = new Map<EndpointSet, Audience>()
  readonly #watchers = new Set<Watcher>()
  readonly #scopes = new Map<string, Set<Watcher>>()
  readonly #bookmarks: Rounds<Watcher>
  #isStopped = false
  readonly #unsent = new Coalescer<EndpointSet>((sets) => {
    for (const set of sets) this.flush(set)
  })
  /** Who has subscribed in this turn: one bookmark ends the answers to all its subscriptions. */
  readonly #unanswered = new Coalescer<Watcher>((watchers) => {
    for (const watcher of watchers) if (!watcher.isSlow) this.drained(watcher)
  })

  constructor(
    view: View,
    options: {
      readonly encoder: EventEncoder
      readonly storeId: string
      /** Monotonic milliseconds. */
      readonly now?: () => number
      /** Milliseconds between two bookmarks of one watcher. Default 5000. */
      readonly bookmarkMs?: number
    },
  ) {
    this.#view = view
    this.#encoder = options.encoder
    this.#storeId = options.storeId
    this.#now = options.now ?? (() => performance.now())
    this.#bookmarks = new Rounds(options.bookmarkMs ?? BOOKMARK_MS, (watcher) => {
      watcher.owesBookmark = true
      if (!watcher.isSlow) this.drained(watcher)
    })
    view.onChange((changes) => this.#onChange(changes))
  }

  watchers(): ReadonlySet<Watcher> {
    return this.#watchers
  }

  /** A new watcher. After `stop` it is sent away at once. */
  open(sink: WatchSink, client: string): Watcher {
    const watcher = new Watcher(sink, client)
    this.#watchers.add(watcher)
    this.#bookmarks.add(watcher)
    if (this.#isStopped) sink.end()
    return watcher
  }

  close(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    this.#bookmarks.delete(watcher)
    this.#unanswered.forget(watcher)
    for (const scope of [...(watcher.scopes?.keys() ?? [])]) this.#leaveScope(watcher, scope)
    for (const set of [...watcher.named]) this.#leave(watcher, set)
    watcher.tellListeners()
  }

  /** Ends every stream: the registry stops, and its watchers are to come back. */
  stop(): void {
    this.#isStopped = true
    this.#bookmarks.close()
    this.#unsent.close()
    this.#unanswered.close()
    for (const watcher of [...this.#watchers]) {
      watcher.sink.end()
      this.close(watcher)
    }
  }

  subscribe(watcher: Watcher, subscription: Subscription): void {
    const { namespace, service } = subscription
    const have = this.#haveUpTo(subscription)
    if (service !== '') {
      const set = this.#view.set(namespace, service)
      this.#join(watcher, set, 'named')
      this.#bringUpTo(watcher, set, have)
    } else {
      watcher.scopes ??= new Map()
      const scope = watcher.scopes.get(namespace) ?? { namespace, sets: new Set() }
      watcher.scopes.set(namespace, scope)
      const others = this.#scopes.get(namespace)
      if (others === undefined) this.#scopes.set(namespace, new Set([watcher]))
      else others.add(watcher)
      for (const set of this.#view.sets()) {
        if (set.definition === undefined) continue
        if (namespace !== '' && set.namespace !== namespace) continue
        this.#join(watcher, set, namespace)
        this.#bringUpTo(watcher, set, have)
      }
    }
    watcher.owesBookmark = true
    if (!watcher.isSlow) this.#catchUp(watcher)
    this.#unanswered.soon(watcher)
  }

  unsubscribe(watcher: Watcher, namespace: string, service: string): void {
    if (service === '') this.#leaveScope(watcher, namespace)
    for (const set of watcher.named) {
      if (set.namespace === namespace && set.name === service) this.#leave(watcher, set)
    }
    watcher.tellListeners()
  }

  /** Sends what is unsent of a set. Answers the revision that acknowledges what it is now. */
  flush(set: EndpointSet): Revision {
    const audience = this.#audiences.get(set)
    if (audience === undefined) return 0
    this.#send(set, audience)
    return audience.revision
  }

  /** Lets go of a set that was only looked at. */
  releaseUnwatched(set: EndpointSet): void {
    if (!this.#audiences.has(set)) this.#view.release(set)
  }

  /** The watcher reads again: what it missed goes out as whole sets, newest state. */
  drained(watcher: Watcher): void {
    watcher.isSlow = false
    this.#catchUp(watcher)
    if (watcher.owesBookmark && !watcher.isSlow) this.#bookmark(watcher)
  }

  #catchUp(watcher: Watcher): void {
    for (const set of watcher.behind) {
      if (watcher.isSlow) return
      const audience = this.#audiences.get(set)
      if (audience === undefined) continue
      // What is unsent goes to the others first, so that the set is one state for all.
      this.#send(set, audience)
      watcher.behind.delete(set)
      watcher.send(this.#snapshot(set, audience))
      audience.inSync.add(watcher)
      this.#forgetDeleted(watcher, set)
    }
  }

  #haveUpTo({ resume }: Subscription): Revision {
    if (resume === undefined || resume.storeId !== this.#storeId) return -1
    // A revision yet to come is of a history that a restored backup has undone.
    return resume.revision > this.#view.revision ? -1 : resume.revision
  }

  #bringUpTo(watcher: Watcher, set: EndpointSet, have: Revision): void {
    const audience = this.#audiences.get(set)
    if (audience === undefined) return
    audience.inSync.delete(watcher)
    this.#send(set, audience)
    const unknown = set.definition === undefined
    if (set.lastChanged > have || unknown) watcher.behind.add(set)
    else audience.inSync.add(watcher)
  }

  #join(watcher: Watcher, set: EndpointSet, how: string): void {
    const covered = watcher.covers(set)
    if (how === 'named') watcher.named.add(set)
    else watcher.scopes?.get(how)?.sets.add(set)
    let audience = this.#audiences.get(set)
    if (audience === undefined) {
      audience = new Audience(set.lastChanged)
      set.takeDifference()
      this.#audiences.set(set, audience)
    }
    if (!covered) audience.watchers++
  }

  #leave(watcher: Watcher, set: EndpointSet): void {
    if (watcher.named.delete(set)) this.#uncover(watcher, set)
  }

  #leaveScope(watcher: Watcher, namespace: string): void {
    const scope = watcher.scopes?.get(namespace)
    if (scope === undefined) return
    watcher.scopes?.delete(namespace)
    const others = this.#scopes.get(namespace)
    if (others?.delete(watcher) === true && others.size === 0) this.#scopes.delete(namespace)
    for (const set of scope.sets) this.#uncover(watcher, set)
  }

  #uncover(watcher: Watcher, set: EndpointSet): void {
    const audience = this.#audiences.get(set)
    if (audience === undefined || watcher.covers(set)) return
    audience.inSync.delete(watcher)
    watcher.behind.delete(set)
    audience.watchers--
    if (audience.watchers > 0) return
    this.#audiences.delete(set)
    this.#unsent.forget(set)
    this.#view.release(set)
  }

  /** A watcher of a namespace has been told of the deletion: the name is no longer its concern. */
  #forgetDeleted(watcher: Watcher, set: EndpointSet): void {
    if (set.definition !== undefined || watcher.named.has(set)) return
    for (const scope of watcher.scopes?.values() ?? []) {
      if (scope.sets.delete(set)) this.#uncover(watcher, set)
    }
  }

  #onChange({ timeMs, sets }: SetChanges): void {
    for (const [set, effect] of sets) {
      if (effect === 'definition' && set.definition !== undefined) this.#welcome(set)
      const audience = this.#audiences.get(set)
      if (audience === undefined) {
        set.takeDifference()
        this.#view.release(set)
        continue
      }
      audience.changed(timeMs)
      if (effect === 'definition') audience.redefined = true
      const waitMs = effect === 'loss' ? 0 : audience.quietAtMs - this.#now()
      if (waitMs <= 0) this.#unsent.soon(set)
      else this.#unsent.later(set, waitMs)
    }
  }

  /** A service came, or changed: those who watch its namespace or everything are to have it. */
  #welcome(set: EndpointSet): void {
    for (const namespace of [set.namespace, '']) {
      for (const watcher of this.#scopes.get(namespace) ?? []) {
        if (watcher.scopes?.get(namespace)?.sets.has(set) === true) continue
        const covered = watcher.covers(set)
        this.#join(watcher, set, namespace)
        if (covered) continue
        this.#audiences.get(set)?.inSync.add(watcher)
      }
    }
  }

  /** Sends what is unsent of a set to all who are in sync; who is slow falls behind. */
  #send(set: EndpointSet, audience: Audience): void {
    if (audience.triggerMs === 0) return
    const { triggerMs, redefined } = audience
    audience.triggerMs = 0
    audience.redefined = false
    const startMs = this.#now()
    const difference = set.takeDifference()
    const { added, changed, removed } = difference
    const isSame = added.length + changed.length + removed.length === 0
    if (isSame && !redefined) return
    const { revision } = this.#view
    audience.revision = revision
    if (audience.inSync.size === 0) return
    const bytes = redefined
      ? this.#encoder.snapshot(set, revision, triggerMs)
      : this.#encoder.change(set, difference, revision, triggerMs)
    if (redefined) audience.snapshot = bytes
    for (const watcher of audience.inSync) {
      if (watcher.isSlow) {
        audience.inSync.delete(watcher)
        watcher.behind.add(set)
      } else if (!watcher.sink.send(bytes)) watcher.isSlow = true
    }
    audience.wasSent(startMs, this.#now())
    if (redefined && set.definition === undefined) {
      for (const watcher of [...audience.inSync]) this.#forgetDeleted(watcher, set)
    }
  }

  #snapshot(set: EndpointSet, audience: Audience): Buffer {
    audience.snapshot ??= this.#encoder.snapshot(set, this.#view.revision, Date.now())
    return audience.snapshot
  }

  #bookmark(watcher: Watcher): void {
    const digests = digestsOf(watcher, (set) => this.flush(set))
    // Sending may have met a slow peer, and what it missed has no place in a bookmark.
    if (watcher.isSlow || watcher.behind.size > 0) return
    watcher.owesBookmark = false
    watcher.send(this.#encoder.bookmark(digests, this.#view.revision, this.#storeId))
  }
}
