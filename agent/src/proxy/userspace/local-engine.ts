import type { Socket } from 'node:net'
import type { Engine, RouteUpdate } from './engine.ts'
import type { HeldListener, InheritedListener } from './held-listener.ts'
import { abort } from './relay.ts'
import type { Route } from './route.ts'
import { TcpListener } from './tcp-listener.ts'
import { UdpListener } from './udp-listener.ts'
import { UdpSessions } from './udp-sessions.ts'

/** Carries the traffic in this process. */
export class LocalEngine implements Engine {
  readonly #listeners = new Map<string, TcpListener | UdpListener>()
  readonly #connections = new Set<Socket>()
  readonly #sessions = new UdpSessions()

  async apply(
    { changed, removed }: RouteUpdate,
    held: ReadonlyMap<string, HeldListener | InheritedListener>,
  ): Promise<ReadonlyMap<string, string>> {
    for (const key of removed) this.#remove(key)
    const failures = new Map<string, string>()
    const started = changed.map(async (route) => {
      const error = await this.#put(route, held.get(route.key))
      if (error === undefined) return
      failures.set(route.key, error)
      this.#remove(route.key)
    })
    await Promise.all(started)
    return failures
  }

  /** Takes nothing new; what is open stays open. */
  stopListening(): void {
    for (const key of this.#listeners.keys()) this.#remove(key)
  }

  /** Waits until all connections have ended, and resets those that have not after `drainMs`. */
  async drained(drainMs: number): Promise<void> {
    const timer = setTimeout(() => {
      for (const socket of this.#connections) abort(socket)
    }, drainMs)
    const ends = [...this.#connections].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    )
    await Promise.all(ends)
    clearTimeout(timer)
  }

  async #put(
    route: Route,
    held: HeldListener | InheritedListener | undefined,
  ): Promise<string | undefined> {
    const known = this.#listeners.get(route.key)
    if (known) {
      known.update(route)
      return undefined
    }
    if (route.protocol === 'UDP') {
      const listener = new UdpListener(route, this.#sessions)
      this.#listeners.set(route.key, listener)
      return listener.listen()
    }
    if (!held) return 'EBADF'
    const listener = new TcpListener(route, this.#connections)
    this.#listeners.set(route.key, listener)
    return listener.listen(held)
  }

  #remove(key: string): void {
    this.#listeners.get(key)?.close()
    this.#listeners.delete(key)
  }
}
