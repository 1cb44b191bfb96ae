import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'

const CONNECT_TIMEOUT_MS = 30_000

/** Ports that speak enough HTTP/2 for a channel to be connected, all in this process. */
export class SettingsListeners {
  readonly #servers: readonly Server[]
  #accepted = 0
  #connected = 0
  #wake = () => {}

  private constructor(count: number) {
    const http2 = createHttp2Server()
    http2.on('session', (session) => {
      // Acknowledged: the peer knows that it is connected.
      session.once('localSettings', () => {
        this.#connected += 1
        this.#wake()
      })
    })
    this.#servers = Array.from({ length: count }, () =>
      createServer((socket) => {
        this.#accepted += 1
        http2.emit('connection', socket.unref())
      }).unref(),
    )
  }

  static async start(count: number): Promise<SettingsListeners> {
    const listeners = new SettingsListeners(count)
    await Promise.all(
      listeners.#servers.map(
        (server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)),
      ),
    )
    return listeners
  }

  get ports(): readonly number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port)
  }

  /** Connections so far. */
  get accepted(): number {
    return this.#accepted
  }

  /** Resolves when there are so many connections that stand on both sides. Errors: after 30 s. */
  async connected(count: number): Promise<void> {
    let isLate = false
    // Keeps the process alive too: nothing else does while it connects.
    const timer = setTimeout(() => {
      isLate = true
      this.#wake()
    }, CONNECT_TIMEOUT_MS)
    while (this.#connected < count && !isLate) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    clearTimeout(timer)
    if (isLate) throw new Error(`${this.#connected} of ${count} connections stand`)
  }

  close(): void {
    for (const server of this.#servers) server.close()
  }
}
