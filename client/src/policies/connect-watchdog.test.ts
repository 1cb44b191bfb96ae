import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { echo, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** A port that takes connections and never says a word. */
async function silentPort() {
  const open = new Set<Socket>()
  let accepted = 0
  const server: Server = createServer((socket) => {
    accepted += 1
    open.add(socket)
    // A socket that nobody reads from does not see its peer leave.
    socket
      .on('error', () => {})
      .once('close', () => open.delete(socket))
      .resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<unknown>((resolve) => {
      for (const socket of open) socket.destroy()
      server.close(resolve)
    })
  opened.push(close)
  const { port } = server.address() as AddressInfo
  return { name: 'silent', port, close, open, accepted: () => accepted }
}

function channelTo(
  { name, port }: { readonly name: string; readonly port: number },
  options: ConstructorParameters<typeof PushedChannel>[0] = {},
): PushedChannel {
  const channel = new PushedChannel(options)
  opened.push(() => channel.close())
  channel.push([endpointAt({ name, port })], { connectTimeoutMs: 150 })
  return channel
}

describe('a peer that takes connections and says nothing', () => {
  it('is given up in time, and the call is told', async () => {
    const silent = await silentPort()
    await expect(echo(channelTo(silent).client)).rejects.toThrow(
      `no HTTP/2 connection to 127.0.0.1:${silent.port} after 150 ms`,
    )
  })

  it('is tried again and again, over one socket at a time', async () => {
    const silent = await silentPort()
    const channel = channelTo(silent, { channel: { 'grpc.max_reconnect_backoff_ms': 100 } })
    channel.client.getChannel().getConnectivityState(true)
    let most = 0
    await vi.waitFor(
      () => {
        most = Math.max(most, silent.open.size)
        expect(silent.accepted()).toBeGreaterThan(3)
      },
      { timeout: 5_000, interval: 5 },
    )
    expect(most).toBe(1)
  })

  it('is reached when it speaks at last', async () => {
    const silent = await silentPort()
    const { client } = channelTo(silent)
    await expect(echo(client)).rejects.toThrow('no HTTP/2 connection')
    await silent.close()
    const backend = await startBackend('a', silent.port)
    opened.push(() => backend.kill())
    await vi.waitFor(async () => expect(await echo(client)).toBe('a'), { timeout: 5_000 })
  })

  it('is given up in the middle of TLS too', async () => {
    const silent = await silentPort()
    const channel = channelTo(silent, { credentials: grpc.credentials.createSsl() })
    await expect(echo(channel.client)).rejects.toThrow(
      `no HTTP/2 connection to 127.0.0.1:${silent.port} after 150 ms`,
    )
  })
})
