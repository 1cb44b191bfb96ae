import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import {
  allClosed,
  freePort,
  hanging,
  type Listener,
  listening,
} from '../../../test/support/listeners.ts'
import type { HTTPGetAction } from '../model/probe.ts'
import { probeHttp } from './http-probe.ts'

const TIMEOUT_MS = 300
const action: HTTPGetAction = { path: '/', port: 0, host: '', scheme: 'HTTP', httpHeaders: [] }
const signal = new AbortController().signal
let server: Listener | undefined

afterEach(async () => {
  await server?.close()
  server = undefined
})

const answering = async (answer: RequestListener) => {
  server = await listening(createServer(answer))
  return server
}

const probe = (port: number, more: Partial<HTTPGetAction> = {}, timeoutMs = 5_000) =>
  probeHttp({ host: '127.0.0.1', port }, { ...action, ...more }, { timeoutMs, signal })

describe('an HTTP probe', () => {
  it.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [400, false],
    [404, false],
    [503, false],
  ])('takes an answer of %i for success: %s', async (status, isSuccess) => {
    const { port } = await answering((_, response) => response.writeHead(status).end('x'))
    const outcome = await probe(port, { path: '/healthz' })
    expect(outcome).toEqual({
      isSuccess,
      reason: isSuccess ? 'Succeeded' : 'HTTPStatus',
      message: `GET http://127.0.0.1:${port}/healthz: answered ${status}`,
      isAnswered: true,
    })
  })

  it('follows no redirect', async () => {
    let calls = 0
    const { port } = await answering((_, response) => {
      calls++
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    await probe(port)
    expect(calls).toBe(1)
  })

  it('sends its headers, those of the probe in place of its own, and asks for no kept connection', async () => {
    let asked: IncomingMessage | undefined
    const { port } = await answering((request, response) => {
      asked = request
      response.end()
    })
    const httpHeaders = [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-Many', value: 'a' },
      { name: 'x-many', value: 'b' },
    ]
    await probe(port, { path: '/ready?deep=1', httpHeaders })
    expect(asked?.method).toBe('GET')
    expect(asked?.url).toBe('/ready?deep=1')
    expect(asked?.headers).toMatchObject({
      'user-agent': 'roster-probe',
      host: 'shop.example',
      'x-many': 'a, b',
      connection: 'close',
    })
  })

  it('leaves no connection behind, however long the body', async () => {
    const body = 'x'.repeat(1024 * 1024)
    const listener = await answering((_, response) => response.end(body))
    expect(await probe(listener.port)).toMatchObject({ isSuccess: true })
    await allClosed(listener)
  })

  it('fails at its timeout when nothing is answered, and lets go of the connection', async () => {
    server = await hanging()
    const startMs = performance.now()
    const outcome = await probe(server.port, {}, TIMEOUT_MS)
    const tookMs = performance.now() - startMs
    expect(outcome).toMatchObject({ isSuccess: false, reason: 'Timeout', isAnswered: false })
    expect(tookMs).toBeGreaterThanOrEqual(TIMEOUT_MS - 2)
    expect(tookMs).toBeLessThan(TIMEOUT_MS + 500)
    await allClosed(server)
  })

  it('fails at its timeout when the body does not end', async () => {
    const { port } = await answering((_, response) => {
      response.writeHead(200).write('and then')
    })
    expect(await probe(port, {}, TIMEOUT_MS)).toMatchObject({ reason: 'Timeout' })
  })

  it('waits for a slow answer that comes in time', async () => {
    const { port } = await answering((_, response) => {
      setTimeout(() => response.end(), 150)
    })
    expect(await probe(port)).toMatchObject({ isSuccess: true })
  })

  it('names a refused connection', async () => {
    expect(await probe(await freePort())).toMatchObject({ reason: 'ConnectionRefused' })
  })

  it('names a connection that is closed without an answer', async () => {
    const { port } = await answering((request) => request.socket.destroy())
    expect(await probe(port)).toMatchObject({ reason: 'ConnectionReset', isAnswered: true })
  })

  it('names a server that does not speak TLS', async () => {
    const { port } = await answering((_, response) => response.end())
    expect(await probe(port, { scheme: 'HTTPS' })).toMatchObject({
      isSuccess: false,
      isAnswered: true,
    })
  })

  it('fails for a path that cannot be sent', async () => {
    const { port } = await answering((_, response) => response.end())
    expect(await probe(port, { path: '/a b' })).toMatchObject({
      isSuccess: false,
      reason: 'Failed',
    })
  })
})
