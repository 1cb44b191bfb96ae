import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server, type Socket as TcpSocket } from 'node:net'
import type { Forwarder } from './forwarder.ts'
import type { HostPort } from './host-port.ts'
import { MAX_TCP_BYTES, MAX_UDP_BYTES } from './protocol.ts'
import type { Deferred, Responder, Transport } from './responder.ts'
import { frame, MessageReader } from './tcp-framing.ts'

/** Responses that may wait in the UDP socket. Beyond them queries are dropped. */
const RING = 1_024
/** Of the socket, in bytes: room for bursts. */
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024
/** Tries to find a port that is free for both UDP and TCP. */
const PORT_TRIES = 10

export interface DnsServerOptions {
  readonly listen: HostPort
  /** Absent: other names are refused. */
  readonly forwarder?: Forwarder
  /** A TCP connection that is silent for so long is closed, in milliseconds. Default 10,000. */
  readonly idleMs?: number
  /** TCP connections at one time; others are turned away. Default 256. */
  readonly maxConnections?: number
  /** Told of messages that could not be answered: a defect, or no way back to the sender. */
  readonly onError?: (error: unknown) => void
}

interface Datagram {
  readonly message: Buffer
  /** Who sent it, or who is to have it. */
  readonly from: RemoteInfo
}

/** Answers DNS queries over UDP and TCP, at one port. */
export class DnsServer {
  readonly #responder: Responder
  readonly #forwarder: Forwarder | undefined
  readonly #onError: (error: unknown) => void
  readonly #udp: Socket
  readonly #tcp: Server
  readonly #connections = new Set<TcpSocket>()
  readonly #ring = Array.from({ length: RING }, () => Buffer.allocUnsafe(MAX_UDP_BYTES))
  readonly #tcpOut = Buffer.allocUnsafe(MAX_TCP_BYTES)
  #next = 0
  /** What was read in this turn of the event loop. */
  #questions: Datagram[] = []
  #isClosed = false

  private constructor(responder: Responder, options: DnsServerOptions) {
    this.#responder = responder
    this.#forwarder = options.forwarder
    this.#onError = options.onError ?? (() => undefined)
    const family = isIPv6(options.listen.host) ? 6 : 4
    this.#udp = createSocket({
      type: `udp${family}`,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses are sent to as they are: without this each answer would wait a tick.
      lookup: (host, _, found) => found(null, host, family),
    })
    this.#udp.on('message', (message, from) => this.#onDatagram(message, from))
    this.#tcp = createServer((socket) => this.#onConnection(socket, options.idleMs ?? 10_000))
    this.#tcp.maxConnections = options.maxConnections ?? 256
  }

  /** Listens; port 0 picks one. Fails when the address is in use. */
  static async listen(responder: Responder, options: DnsServerOptions): Promise<DnsServer> {
    for (let tries = 1; ; tries++) {
      const server = new DnsServer(responder, options)
      try {
        await server.#listen(options.listen)
        return server
      } catch (error) {
        server.close()
        // The port UDP was given may be taken for TCP.
        if (options.listen.port !== 0 || tries === PORT_TRIES) throw error
      }
    }
  }

  get address(): HostPort {
    const { address, port } = this.#udp.address()
    return { host: address, port }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#udp.close()
    this.#tcp.close()
    for (const socket of this.#connections) socket.destroy()
  }

  async #listen({ host, port }: HostPort): Promise<void> {
    // Listened for before: with our lookup it may listen at once.
    const isBound = once(this.#udp, 'listening')
    this.#udp.bind({ address: host, port, exclusive: true })
    await isBound
    this.#udp.on('error', this.#onError)
    this.#tcp.listen({ host, port: this.#udp.address().port, exclusive: true })
    await once(this.#tcp, 'listening')
    this.#tcp.on('error', this.#onError)
  }

  #onDatagram(message: Buffer, from: RemoteInfo): void {
    if (this.#questions.push({ message, from }) === 1) setImmediate(this.#answerAll)
  }

  /**
   * Answers what was read in this turn of the event loop. First all are answered, then all
   * answers sent: the code of each step stays in the processor's caches, which is worth a
   * quarter more answers a second.
   */
  readonly #answerAll = (): void => {
    const questions = this.#questions
    this.#questions = []
    const answers: Datagram[] = []
    for (const { message, from } of questions) {
      const out = this.#ring[this.#next++ % RING]
      // A closed socket has no queue to be asked for.
      if (out === undefined || this.#isClosed) return
      if (this.#udp.getSendQueueCount() + answers.length >= RING - 1) break
      const result = this.#respond(message, out, 'udp')
      if (typeof result !== 'number')
        void this.#ask(result, 'udp', (late) => this.#send(late, from))
      else if (result > 0) answers.push({ message: out.subarray(0, result), from })
    }
    for (const { message, from } of answers) this.#send(message, from)
  }

  #send(message: Buffer, { address, port }: RemoteInfo): void {
    if (this.#isClosed) return
    try {
      this.#udp.send(message, port, address)
    } catch (error) {
      // No way back to the sender: there is no port 0.
      this.#onError(error)
    }
  }

  #onConnection(socket: TcpSocket, idleMs: number): void {
    this.#connections.add(socket)
    socket.on('close', () => this.#connections.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setTimeout(idleMs, () => socket.destroy())
    const send = (response: Buffer) => {
      if (socket.writable && !socket.write(frame(response))) socket.pause()
    }
    const reader = new MessageReader((message) => {
      const result = this.#respond(message, this.#tcpOut, 'tcp')
      if (typeof result !== 'number') void this.#ask(result, 'tcp', send)
      else if (result > 0) send(this.#tcpOut.subarray(0, result))
    })
    socket.on('drain', () => socket.resume())
    socket.on('data', (chunk: Buffer) => reader.push(chunk))
  }

  /** One message must not end the service for all others: a defect is reported, and not answered. */
  #respond(message: Buffer, out: Buffer, transport: Transport): number | Deferred {
    try {
      return this.#responder.respond(message, out, transport)
    } catch (error) {
      this.#onError(error)
      return 0
    }
  }

  /** `send` is done with the response, or has copied it, when it returns. */
  async #ask(
    deferred: Deferred,
    transport: Transport,
    send: (response: Buffer) => void,
  ): Promise<void> {
    const { name, query } = deferred
    try {
      const resolved = await this.#forwarder?.resolve({
        name,
        type: query.type,
        dnssecOk: query.edns?.dnssecOk ?? false,
        checkingDisabled: query.checkingDisabled,
      })
      const out = Buffer.allocUnsafe(transport === 'tcp' ? MAX_TCP_BYTES : MAX_UDP_BYTES)
      send(out.subarray(0, this.#responder.conclude(deferred, resolved, out, transport)))
    } catch (error) {
      this.#onError(error)
    }
  }
}
