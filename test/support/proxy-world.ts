import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What is open and has to be closed when a test is over. */
export class ProxyWorld {
  readonly #ends: (() => unknown)[] = []

  /** Closes what was opened, the newest first. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end()
  }

  later(end: () => unknown): void {
    this.#ends.push(end)
  }

  /** A TCP server on a port of its own; answers the port. */
  async server(onConnection: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>()
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => {})
      onConnection(socket)
    })
    this.later(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  /** A server that says its name and ends. */
  naming(name: string): Promise<number> {
    return this.server((socket) => socket.end(name))
  }

  /** A UDP server that answers each datagram with its name and the datagram. */
  async udpServer(name: string): Promise<number> {
    const socket = createSocket('udp4')
    this.later(() => socket.close())
    socket.on('message', (datagram, { port, address }) =>
      socket.send(`${name} ${datagram}`, port, address),
    )
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return socket.address().port
  }

  /** A UDP client; `ask` answers what comes back, or undefined after 300 ms. */
  udpClient(address: string, port: number): { ask(text: string): Promise<string | undefined> } {
    const socket = createSocket('udp4')
    this.later(() => socket.close())
    return {
      ask: async (text) => {
        const signal = AbortSignal.timeout(300)
        const reply = once(socket, 'message', { signal }).catch(() => [undefined])
        socket.send(text, port, address)
        const [answer] = await reply
        return answer?.toString()
      },
    }
  }
}

/** What a connection brings until it ends, or the code of its error. */
export const read = (port: number, address: string, localAddress?: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: address, ...(localAddress && { localAddress }) })
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    socket.on('end', () => resolve(text))
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'))
  })
