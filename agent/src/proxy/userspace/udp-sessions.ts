import type { UdpSession } from './udp-session.ts'

/** A session without a datagram for so long is over, in milliseconds. conntrack: 30 s to 120 s. */
const IDLE_MS = 60_000
/** Sessions at the same time, of all routes: each has a socket. */
const MAX_SESSIONS = 8_192

interface Entry {
  readonly session: UdpSession
  usedMs: number
}

export interface UdpSessionsOptions {
  readonly idleMs?: number
  readonly maxSessions?: number
}

/** The UDP sessions of all routes. When there are too many the one idle for longest goes. */
export class UdpSessions {
  /** The one idle for longest comes first. */
  readonly #entries = new Map<string, Entry>()
  readonly #idleMs: number
  readonly #maxSessions: number
  #timer: NodeJS.Timeout | undefined

  constructor({ idleMs = IDLE_MS, maxSessions = MAX_SESSIONS }: UdpSessionsOptions = {}) {
    this.#idleMs = idleMs
    this.#maxSessions = maxSessions
  }

  get size(): number {
    return this.#entries.size
  }

  /** The session of that key. Using it keeps it. */
  use(key: string): UdpSession | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    entry.usedMs = performance.now()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.session
  }

  add(key: string, session: UdpSession): void {
    this.#entries.set(key, { session, usedMs: performance.now() })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxSessions) break
      this.drop(oldest)
    }
    this.#timer ??= setInterval(() => this.#expire(), this.#idleMs / 4).unref()
  }

  drop(key: string): void {
    const entry = this.#entries.get(key)
    this.#entries.delete(key)
    entry?.session.close()
    if (this.#entries.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #expire(): void {
    const endMs = performance.now() - this.#idleMs
    for (const [key, { usedMs }] of this.#entries) {
      if (usedMs > endMs) return
      this.drop(key)
    }
  }
}
