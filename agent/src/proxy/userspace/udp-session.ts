import { createSocket, type Socket } from 'node:dgram'
import type { Backend } from '../model/frontend.ts'

/** Datagrams kept while the socket is being opened; more are dropped, as UDP may. */
const MAX_WAITING = 32

/** What becomes of a session's datagrams. */
export interface UdpSessionEvents {
  readonly onReply: (datagram: Buffer) => void
  /** The backend's host says that nobody is there. */
  readonly onRefused: () => unknown
  readonly onClosed: () => unknown
}

/** One client's datagrams to one backend and back: a socket, as NAT would have a port. */
export class UdpSession {
  readonly endpointId: string
  readonly #socket: Socket
  #waiting: Buffer[] | undefined = []

  constructor(backend: Backend, { onReply, onRefused, onClosed }: UdpSessionEvents) {
    this.endpointId = backend.endpointId
    const type = backend.address.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type })
    this.#socket = socket
    socket.on('message', onReply)
    socket.on('error', onRefused)
    socket.on('close', onClosed)
    socket.connect(backend.port, backend.address, () => {
      for (const datagram of this.#waiting ?? []) socket.send(datagram, onSent)
      this.#waiting = undefined
    })
  }

  send(datagram: Buffer): void {
    if (!this.#waiting) this.#socket.send(datagram, onSent)
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(datagram)
  }

  close(): void {
    this.#waiting = []
    this.#socket.close()
  }
}

/** A datagram that could not be sent is lost: what the backend's host says comes as an error event. */
const onSent = (): void => {}
