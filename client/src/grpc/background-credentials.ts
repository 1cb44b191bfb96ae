import type { Socket } from 'node:net'
import { ChannelCredentials } from '@grpc/grpc-js'
import type { SecureConnector } from './adapter.ts'

/**
 * The same credentials, for a connection that does not keep the process alive.
 *
 * grpc-js refs its socket for as long as a call is open, and a watch is a call
 * that never ends. There is no option against it; the credentials are the one
 * public place that is shown the socket. So the socket is unref'ed there and its
 * `ref` made to do nothing. Who waits for an answer keeps the process alive by a
 * timer of their own (the deadline of the call).
 */
export class BackgroundCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials

  constructor(inner: ChannelCredentials) {
    super()
    this.#inner = inner
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials['_createSecureConnector']>
  ): SecureConnector {
    const connector = this.#inner._createSecureConnector(...args)
    return {
      connect: async (socket) => {
        const connection = await connector.connect(socket)
        release(connection.socket)
        return connection
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
}

function release(socket: Socket): void {
  socket.unref()
  socket.ref = () => socket
}
