import {
  Backoff,
  BOOKMARK_INTERVAL_MS,
  type EndpointSet,
  pause,
  type Roster,
  type RosterError,
  readWatch,
  WATCH_SILENCE_MS,
  WatchRequests,
} from '@roster/client'
import type { WatchEndpointsResponse__Output } from '@roster/proto'
import type { Logger } from 'pino'
import { type Place, Replica } from './replica.ts'
import type { ServiceChange, ServiceSource } from './service-source.ts'
import type { SnapshotFile } from './snapshot-file.ts'

const EVERYTHING = { namespace: '', service: '' }

export interface FollowerOptions {
  readonly roster: Pick<Roster, 'address' | 'endpointService'>
  /** Name the agent is listed under among the watchers. */
  readonly name: string
  readonly log: Logger
  /** Where to keep what is known; read at once. Absent: nowhere. */
  readonly snapshot?: SnapshotFile
  /** A stream that was silent for so long is broken. Default: three bookmarks are missing. */
  readonly silenceMs?: number
  /**
   * How long another registry that knows less than half of the endpoints has to
   * prove itself before it is believed. Default 15,000.
   */
  readonly holdMs?: number
}

/**
 * Follows everything the registry knows by its public watch. What is known stays
 * in use while the registry is away. Acknowledges what its listeners have applied.
 */
export class Follower implements ServiceSource {
  readonly #roster: FollowerOptions['roster']
  readonly #name: string
  readonly #log: Logger
  readonly #snapshot: SnapshotFile | undefined
  readonly #silenceMs: number
  readonly #holdMs: number
  readonly #backoff = new Backoff()
  readonly #stopping = new AbortController()
  readonly #listeners = new Set<Listener>()
  readonly #sets: Map<string, EndpointSet>
  readonly #running: Promise<void>
  #place: Place | undefined
  #isSynced = false
  #turn: NodeJS.Immediate | undefined
  #hold: { readonly storeId: string; isOver: boolean; readonly timer: NodeJS.Timeout } | undefined
  #stream: Stream | undefined

  constructor(options: FollowerOptions) {
    this.#roster = options.roster
    this.#name = options.name
    this.#log = options.log
    this.#snapshot = options.snapshot
    this.#silenceMs = options.silenceMs ?? WATCH_SILENCE_MS
    this.#holdMs = options.holdMs ?? 15_000
    const known = options.snapshot?.read()
    this.#sets = new Map(known?.sets)
    this.#place = known?.place
    this.#isSynced = known !== undefined
    if (known) this.#log.info({ ...known.place, services: known.sets.size }, 'snapshot read')
    this.#running = this.#run(this.#stopping.signal)
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  get sets(): ReadonlyMap<string, EndpointSet> {
    return this.#sets
  }

  subscribe(tell: (change: ServiceChange) => void): () => void {
    const listener: Listener = { tell, hasStarted: false }
    this.#listeners.add(listener)
    process.nextTick(() => {
      if (!this.#listeners.has(listener)) return
      listener.hasStarted = true
      this.#tell([listener], { changed: [...this.#sets.values()], removed: [] })
    })
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Ends the watch, and saves what is known. */
  async close(): Promise<void> {
    this.#stopping.abort()
    clearImmediate(this.#turn)
    clearTimeout(this.#hold?.timer)
    this.#listeners.clear()
    await this.#running
    await this.#snapshot?.close()
  }

  async #run(signal: AbortSignal): Promise<void> {
    let isLost = false
    while (!signal.aborted) {
      this.#backoff.started()
      const error = await this.#watch(signal, () => {
        isLost = false
      })
      if (signal.aborted) return
      const retryInMs = Math.round(this.#backoff.nextDelayMs())
      const level = isLost ? 'debug' : 'warn'
      isLost = true
      this.#log[level]({ reason: error.message, retryInMs }, 'registry lost: going on as it was')
      await pause(retryInMs, signal)
    }
  }

  /** One stream, from its beginning to its end; why it ended. */
  async #watch(signal: AbortSignal, onWhole: () => void): Promise<RosterError> {
    const stream = new Stream(new Replica(this.#state()), new WatchRequests(this.#name))
    this.#stream = stream
    const error = await readWatch(this.#roster, {
      requests: stream.requests,
      silenceMs: this.#silenceMs,
      signal,
      onMessage: (message) => {
        const isNew = stream.replica.storeId === undefined
        this.#receive(stream, message)
        if (!isNew || stream.replica.storeId === undefined) return
        onWhole()
        const { storeId } = stream.replica
        this.#log.info({ storeId, services: stream.replica.sets.size }, 'following the registry')
      },
    })
    this.#stream = undefined
    return error
  }

  #receive(stream: Stream, message: WatchEndpointsResponse__Output): void {
    stream.revision = Math.max(stream.revision, message.revision)
    if (stream.replica.receive(message) === 'torn' && stream.mayAskAgain()) {
      this.#log.warn({ revision: message.revision }, 'something was lost: asking for everything')
      stream.replica.awaitAll()
      stream.requests.subscribe(EVERYTHING)
    }
    this.#turn ??= setImmediate(() => this.#publish())
  }

  /** Makes what the registry said what is known, and tells the listeners. */
  #publish(): void {
    this.#turn = undefined
    const stream = this.#stream
    // Before its first bookmark it is not known whose history the stream tells.
    if (stream?.replica.storeId === undefined || this.#isHeld(stream.replica)) return
    const { replica } = stream
    const changed: EndpointSet[] = []
    const removed: string[] = []
    for (const key of replica.takeChanged()) {
      const set = replica.sets.get(key)
      if (set) {
        this.#sets.set(key, set)
        changed.push(set)
      } else if (this.#sets.delete(key)) removed.push(key)
    }
    const kept = this.#place?.storeId === replica.storeId ? this.#place : undefined
    const place = replica.place ?? kept
    const isNews = changed.length + removed.length > 0 || !this.#isSynced
    if (isNews || place?.revision !== this.#place?.revision) {
      this.#snapshot?.save(() => this.#state())
    }
    this.#place = place
    this.#isSynced = true
    const listeners = [...this.#listeners].filter(({ hasStarted }) => hasStarted)
    if (isNews) this.#tell(listeners, { changed, removed })
    stream.requests.ack(stream.revision)
  }

  /** Whether another history is to prove itself first: a restored or empty registry may be a mistake. */
  #isHeld({ storeId = '', sets }: Replica): boolean {
    const isOther = this.#place !== undefined && this.#place.storeId !== storeId
    if (!isOther || endpointsIn(sets) * 2 >= endpointsIn(this.#sets)) {
      clearTimeout(this.#hold?.timer)
      this.#hold = undefined
      return false
    }
    if (this.#hold?.storeId === storeId) return !this.#hold.isOver
    clearTimeout(this.#hold?.timer)
    const expire = () => {
      hold.isOver = true
      this.#publish()
    }
    const hold = { storeId, isOver: false, timer: setTimeout(expire, this.#holdMs).unref() }
    this.#hold = hold
    this.#log.warn(
      { storeId, endpoints: endpointsIn(sets), known: endpointsIn(this.#sets), ms: this.#holdMs },
      'another registry knows less than half of the endpoints: held back',
    )
    return true
  }

  #state() {
    return { sets: this.#sets, ...(this.#place && { place: this.#place }) }
  }

  #tell(listeners: readonly Listener[], change: ServiceChange): void {
    for (const listener of listeners) {
      try {
        listener.tell(change)
      } catch (err) {
        this.#log.error({ err }, 'a module failed to apply a change')
      }
    }
  }
}

interface Listener {
  readonly tell: (change: ServiceChange) => void
  /** It has been told everything there is. */
  hasStarted: boolean
}

/** One watch stream. */
class Stream {
  readonly replica: Replica
  readonly requests: WatchRequests
  /** Newest that was received. */
  revision = 0
  #askedAtMs = Number.NEGATIVE_INFINITY

  constructor(replica: Replica, requests: WatchRequests) {
    this.replica = replica
    this.requests = requests
    requests.subscribe(EVERYTHING, replica.resume)
  }

  /** At most once per bookmark interval, so that it cannot spin. */
  mayAskAgain(): boolean {
    const nowMs = performance.now()
    if (nowMs - this.#askedAtMs < BOOKMARK_INTERVAL_MS) return false
    this.#askedAtMs = nowMs
    return true
  }
}

function endpointsIn(sets: ReadonlyMap<string, EndpointSet>): number {
  let sum = 0
  for (const { endpoints } of sets.values()) sum += endpoints.length
  return sum
}
