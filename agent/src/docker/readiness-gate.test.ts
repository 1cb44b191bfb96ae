import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type GateTarget, ReadinessGate } from './readiness-gate.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

const silentServer = () => createServer((socket) => socket.destroy())

/** A gate, and every answer it came to. */
function gate(target: Omit<GateTarget, 'host'>) {
  const answers: (boolean | undefined)[] = []
  const opened = new ReadinessGate({
    target: { host: '127.0.0.1', ...target },
    onChange: () => answers.push(opened.isReady),
    periodMs: 20,
  })
  closers.push(() => opened.close())
  const answered = (...expected: boolean[]) => eventually(() => expect(answers).toEqual(expected))
  return { opened, answered }
}

describe('a readiness gate', () => {
  it('opens when the port takes connections, and shuts when it no longer does', async () => {
    const server = silentServer()
    const port = await listen(server)
    server.close()
    await once(server, 'close')
    const { answered } = gate({ tcpPorts: [port] })
    await answered(false)
    const again = silentServer()
    await listen(again, port)
    await answered(false, true)
    again.close()
    await answered(false, true, false)
  })

  it('does not know before its first check has ended', async () => {
    const { opened, answered } = gate({ tcpPorts: [await listen(silentServer())] })
    expect(opened.isReady).toBeUndefined()
    await answered(true)
  })

  it('wants all of its ports', async () => {
    const closed = silentServer()
    const port = await listen(closed)
    closed.close()
    await once(closed, 'close')
    const { answered } = gate({ tcpPorts: [await listen(silentServer()), port] })
    await answered(false)
  })

  it.each([
    ['/fine', true],
    ['/moved', true],
    ['/broken', false],
  ])('asks by HTTP: %s is %s', async (path, expected) => {
    const codes: Record<string, number> = { '/fine': 204, '/moved': 302, '/broken': 500 }
    const port = await listen(
      createHttpServer(({ url = '' }, response) => {
        response.writeHead(codes[url] ?? 404).end()
      }),
    )
    const { answered } = gate({ tcpPorts: [], http: { port, path } })
    await answered(expected)
  })

  it('takes a server that does not answer for not ready', async () => {
    const sockets: { destroy(): void }[] = []
    const port = await listen(createServer((socket) => sockets.push(socket)))
    closers.push(() => {
      for (const socket of sockets) socket.destroy()
    })
    const { answered } = gate({ tcpPorts: [], http: { port, path: '/' } })
    await answered(false)
  })
})
