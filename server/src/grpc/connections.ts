import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Where Node tells of every connection that is accepted in this process. */
const ACCEPTED = 'net.server.socket'
/** What every HTTP/2 connection begins with (RFC 9113 section 3.4), in bytes. */
const PREFACE_BYTES = 24

/**
 * The connections to one port, also those over which nothing was ever said. grpc-js
 * waits for all of them when it shuts down, and cannot cut them.
 */
export class Connections {
  readonly #sockets = new Set<Socket>()
  /** The port, as soon as it is known. */
  port: number | undefined

  constructor() {
    subscribe(ACCEPTED, this.#onAccepted)
  }

  /** Cuts those whose peer has not begun to speak HTTP/2: it would not answer a goodbye. */
  destroySilent(): void {
    this.#destroy((socket) => socket.bytesRead < PREFACE_BYTES)
  }

  /** Cuts all, whatever is under way on them. */
  destroy(): void {
    this.#destroy(() => true)
  }

  /** Looks for no more. */
  close(): void {
    unsubscribe(ACCEPTED, this.#onAccepted)
  }

  #destroy(isMeant: (socket: Socket) => boolean): void {
    for (const socket of this.#sockets) {
      if (socket.localPort === this.port && isMeant(socket)) socket.destroy()
    }
  }

  readonly #onAccepted = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket }
    if (this.port !== undefined && socket.localPort !== this.port) return
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
