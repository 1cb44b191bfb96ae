import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { ClientRules } from './client-rules.ts'
import type { Route } from './route.ts'
import { UdpSession } from './udp-session.ts'
import type { UdpSessions } from './udp-sessions.ts'

const NONE_TRIED: ReadonlySet<string> = new Set()

/**
 * Takes the datagrams of one route to its backends. A client (address and port) stays
 * with its backend while datagrams flow and the backend is one of the route's.
 */
export class UdpListener {
  readonly #key: string
  readonly #address: string
  readonly #port: number
  readonly #socket: Socket
  readonly #rules: ClientRules
  readonly #sessions: UdpSessions
  readonly #own = new Map<string, UdpSession>()

  constructor(route: Route, sessions: UdpSessions) {
    this.#key = route.key
    this.#address = route.address
    this.#port = route.port
    this.#rules = new ClientRules(route.frontend)
    this.#sessions = sessions
    const isIPv6 = route.address.includes(':')
    this.#socket = createSocket({ type: isIPv6 ? 'udp6' : 'udp4', ipv6Only: isIPv6 })
    this.#socket.on('message', (datagram, from) => this.#receive(datagram, from))
  }

  /** Answers the system's error code when it cannot listen. */
  listen(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? `${error}`))
      this.#socket.bind(this.#port, this.#address, () => resolve(undefined))
    })
  }

  /** Sessions with backends that are gone end at once: the next datagram finds another one. */
  update(route: Route): void {
    this.#rules.update(route.frontend)
    for (const [key, { endpointId }] of this.#own) {
      if (!this.#rules.has(endpointId)) this.#sessions.drop(key)
    }
  }

  close(): void {
    for (const key of this.#own.keys()) this.#sessions.drop(key)
    this.#socket.close()
  }

  #receive(datagram: Buffer, { address, port }: RemoteInfo): void {
    const key = `${this.#key} ${address} ${port}`
    const session = this.#sessions.use(key) ?? this.#open(key, address, port)
    session?.send(datagram)
  }

  #open(key: string, address: string, port: number): UdpSession | undefined {
    if (!this.#rules.allows(address)) return undefined
    const backend = this.#rules.pick(address, this.#address, NONE_TRIED)
    if (!backend) return undefined
    const isCurrent = (): boolean => this.#own.get(key) === session
    const session: UdpSession = new UdpSession(backend, {
      onReply: (reply) => {
        this.#sessions.use(key)
        this.#socket.send(reply, port, address, () => {})
      },
      onRefused: () => isCurrent() && this.#sessions.drop(key),
      onClosed: () => isCurrent() && this.#own.delete(key),
    })
    this.#own.set(key, session)
    this.#sessions.add(key, session)
    return session
  }
}
