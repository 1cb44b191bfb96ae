import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'nice-grpc'
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health'
import { afterEach, describe, expect, it } from 'vitest'
import {
  allClosed,
  freePort,
  hanging,
  type Listener,
  listening,
} from '../../../test/support/listeners.ts'
import { probeGrpc } from './grpc-probe.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const signal = new AbortController().signal
const probe = (port: number, service = '', timeoutMs = 5_000) =>
  probeGrpc({ host: '127.0.0.1', port }, service, { timeoutMs, signal })

async function healthServer(statuses: Record<string, 'healthy' | 'unhealthy'>): Promise<number> {
  const server = createServer()
  const state = HealthState()
  for (const [service, status] of Object.entries(statuses)) state.setStatus(status, service)
  server.add(HealthDefinition, HealthServiceImpl(state))
  closing.push(async () => server.forceShutdown())
  return await server.listen('127.0.0.1:0')
}

const held = (listener: Listener) => {
  closing.push(() => listener.close())
  return listener
}

describe('a gRPC probe', () => {
  it.each([
    ['', true, 'answered SERVING'],
    ['shop.Cart', false, 'answered NOT_SERVING'],
    ['no.Such', false, 'answered NOT_FOUND'],
  ])('of service %j is a success: %s', async (service, isSuccess, answer) => {
    const port = await healthServer({ '': 'healthy', 'shop.Cart': 'unhealthy' })
    const outcome = await probe(port, service)
    expect(outcome).toMatchObject({ isSuccess, isAnswered: true })
    expect(outcome.message).toContain(answer)
  })

  it('tells a server that has no health service', async () => {
    const server = createServer()
    closing.push(async () => server.forceShutdown())
    const port = await server.listen('127.0.0.1:0')
    const outcome = await probe(port)
    expect(outcome).toMatchObject({ isSuccess: false, reason: 'GRPCStatus' })
    expect(outcome.message).toContain('UNIMPLEMENTED: it has no grpc.health.v1.Health')
  })

  it('fails at its timeout when nothing is answered, and lets go of the connection', async () => {
    const server = held(await hanging())
    const startMs = performance.now()
    const outcome = await probe(server.port, '', 300)
    const tookMs = performance.now() - startMs
    expect(outcome).toMatchObject({ isSuccess: false, reason: 'Timeout', isAnswered: false })
    expect(tookMs).toBeGreaterThanOrEqual(298)
    expect(tookMs).toBeLessThan(800)
    await allClosed(server)
  })

  it('names a refused connection', async () => {
    expect(await probe(await freePort())).toMatchObject({
      isSuccess: false,
      reason: 'ConnectionRefused',
    })
  })

  it('fails for a server that speaks HTTP/1', async () => {
    const server = held(await listening(createHttpServer((_, response) => response.end('hi'))))
    expect(await probe(server.port)).toMatchObject({ isSuccess: false, isAnswered: true })
    await allClosed(server)
  })
})
