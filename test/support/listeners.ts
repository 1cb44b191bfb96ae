import { once } from 'node:events'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net'
import { eventually } from './eventually.ts'

/** A server on a free loopback port, and the connections that are open to it. */
export interface Listener {
  readonly port: number
  readonly open: ReadonlySet<Socket>
  close(): Promise<void>
}

/** Lets a server listen on a free loopback port. */
export async function listening(server: Server): Promise<Listener> {
  const open = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    // What a peer breaks off is its own affair.
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    open,
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A server that takes connections and never says a word. */
export const hanging = (): Promise<Listener> =>
  listening(createTcpServer((socket) => socket.resume()))

/** A port that nothing listens at. */
export async function freePort(): Promise<number> {
  const { port, close } = await hanging()
  await close()
  return port
}

/** Resolves when every connection to the listener is closed. */
export const allClosed = (listener: Listener): Promise<void> =>
  eventually(() => listener.open.size === 0)
