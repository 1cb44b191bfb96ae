import { H2Connection } from './h2-connection.ts'
import type { Peer } from './peer.ts'

const DEADLINE_MS = 30_000

/** Many watchers of one thing, and which revision each of them has. */
export class WatcherFleet {
  readonly #peer: Peer
  readonly #connections: readonly H2Connection[]
  /** Revision each watcher has; -1 before its first message. */
  #revisions = new Float64Array()
  #lastAdvanceMs = 0
  #awaited: Awaited | undefined
  /** Messages of changes received, and their bytes. */
  messages = 0
  messageBytes = 0

  private constructor(peer: Peer, connections: readonly H2Connection[]) {
    this.#peer = peer
    this.#connections = connections
  }

  /** Opens the connections, without any watch. */
  static async connect(peer: Peer, connectionCount: number): Promise<WatcherFleet> {
    const connections: H2Connection[] = []
    for (let i = 0; i < connectionCount; i++) {
      connections.push(await H2Connection.open(peer.address))
    }
    return new WatcherFleet(peer, connections)
  }

  /** Opens the watches, spread evenly, and waits until each has been answered. */
  async watch(watchers: number): Promise<void> {
    this.#revisions = new Float64Array(watchers).fill(-1)
    const { headers, request } = this.#peer.watch
    for (let i = 0; i < watchers; i++) {
      const listener = {
        onMessage: (message: Buffer) => this.#onMessage(i, message),
        onEnd: () => this.#awaited?.fail(new Error(`watcher ${i} lost its stream`)),
      }
      this.#connections[i % this.#connections.length]?.call(headers, request, listener, 'open')
    }
    await this.reached(0)
  }

  /**
   * Waits until every watcher has the revision. Returns when the last of them got
   * it, by performance.now(), in milliseconds.
   */
  async reached(revision: number): Promise<number> {
    const missing = this.#revisions.filter((has) => has < revision).length
    if (missing > 0) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          const count = this.#awaited?.missing
          reject(new Error(`${count} watchers of ${this.#peer.name} lack revision ${revision}`))
        }, DEADLINE_MS)
        const settle = (error?: Error) => {
          clearTimeout(timer)
          this.#awaited = undefined
          if (error === undefined) resolve()
          else reject(error)
        }
        this.#awaited = { revision, missing, done: () => settle(), fail: settle }
      })
    }
    return this.#lastAdvanceMs
  }

  /** Ends all watches and connections. */
  close(): void {
    for (const connection of this.#connections) connection.close()
  }

  #onMessage(watcher: number, message: Buffer): void {
    const before = this.#revisions[watcher] ?? 0
    const revision = this.#peer.watchedRevision(message)
    if (revision > 0) {
      this.messages++
      this.messageBytes += message.length
    }
    if (revision <= before) return
    this.#revisions[watcher] = revision
    this.#lastAdvanceMs = performance.now()
    const awaited = this.#awaited
    if (awaited === undefined || before >= awaited.revision || revision < awaited.revision) return
    if (--awaited.missing === 0) awaited.done()
  }
}

interface Awaited {
  readonly revision: number
  missing: number
  readonly done: () => void
  readonly fail: (error: Error) => void
}
