import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Backend } from '../model/frontend.ts'
import { ClientRules } from './client-rules.ts'
import type { HeldListener, InheritedListener } from './held-listener.ts'
import { abort, HIGH_WATER_MARK_BYTES, relay } from './relay.ts'
import type { Route } from './route.ts'

/** Connections that may wait to be accepted, while a worker is started anew above all. */
const BACKLOG = 4096
/** A backend that has not answered by then is not tried for longer. */
const CONNECT_TIMEOUT_MS = 2_000
/** A connection silent for so long is probed: peers that vanished leave no connection behind. */
const KEEP_ALIVE_DELAY_MS = 60_000

const SOCKET_OPTIONS = {
  allowHalfOpen: true,
  highWaterMark: HIGH_WATER_MARK_BYTES,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
}

/** One attempt at a backend, and what may still be tried after it. */
interface Attempt {
  readonly client: Socket
  readonly address: string
  readonly own: string
  readonly tried: Set<string>
}

/**
 * Takes the TCP connections of one route to its backends. Connections outlive
 * everything that happens to the route: only their two ends close them.
 */
export class TcpListener {
  readonly #server: Server
  readonly #rules: ClientRules
  readonly #connections: Set<Socket>

  /** `connections`: where to keep the clients' open connections. */
  constructor(route: Route, connections: Set<Socket>) {
    this.#rules = new ClientRules(route.frontend)
    this.#connections = connections
    // Nothing is read before there is somebody to pass it on to.
    const options = { ...SOCKET_OPTIONS, pauseOnConnect: true }
    this.#server = createServer(options, (client) => this.#accept(client))
  }

  /** Answers the system's error code when it cannot listen. */
  listen(held: HeldListener | InheritedListener): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? `${error}`))
      this.#server.on('listening', () => resolve(undefined))
      if ('inheritedFd' in held) this.#server.listen({ fd: held.inheritedFd, backlog: BACKLOG })
      else this.#server.listen(held, BACKLOG)
    })
  }

  update(route: Route): void {
    this.#rules.update(route.frontend)
  }

  /** Accepts no more; what is open stays open. */
  close(): void {
    this.#server.close()
  }

  #accept(client: Socket): void {
    this.#connections.add(client)
    client.on('close', () => this.#connections.delete(client))
    // What went wrong shows in 'close' too; without a listener it would end the process.
    client.on('error', () => {})
    const { needsClient } = this.#rules
    const address = needsClient ? (client.remoteAddress ?? '') : ''
    const own = needsClient ? (client.localAddress ?? '') : ''
    // A client that is gone already has no address.
    if (needsClient && (address === '' || !this.#rules.allows(address))) abort(client)
    else this.#tryNext({ client, address, own, tried: new Set() })
  }

  /** Connects to a backend not tried yet. With none left the client is reset. */
  #tryNext(attempt: Attempt): void {
    const { client, address, own, tried } = attempt
    const backend = this.#rules.pick(address, own, tried)
    if (!backend || client.destroyed) {
      abort(client)
      return
    }
    tried.add(backend.endpointId)
    const upstream = dial(backend)
    const timer = setTimeout(() => upstream.destroy(), CONNECT_TIMEOUT_MS).unref()
    const onFailed = () => {
      clearTimeout(timer)
      this.#tryNext(attempt)
    }
    upstream.once('close', onFailed)
    upstream.once('connect', () => {
      clearTimeout(timer)
      upstream.off('close', onFailed)
      relay(client, upstream)
    })
  }
}

function dial({ address, port }: Backend): Socket {
  const upstream = connect({ ...SOCKET_OPTIONS, host: address, port })
  upstream.on('error', () => {})
  return upstream
}
