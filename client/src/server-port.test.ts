import { Server, ServerCredentials } from '@grpc/grpc-js'
import { createServer } from 'nice-grpc'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boundPortOf } from './server-port.ts'

let server: Server
beforeEach(() => {
  server = new Server()
})
afterEach(() => server.forceShutdown())

const bind = (address: string) =>
  new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    )
  })

describe('the port of a server', () => {
  it('is the one a grpc-js Server is bound to', async () => {
    const port = await bind('127.0.0.1:0')
    expect(boundPortOf(server)).toBe(port)
  })

  it('is one where two addresses share it', async () => {
    const port = await bind('127.0.0.1:0')
    await bind(`127.0.0.2:${port}`)
    expect(boundPortOf(server)).toBe(port)
  })

  it('has to be given where the server is not bound', () => {
    expect(() => boundPortOf(server)).toThrow(/not bound to a port yet.*after bindAsync.*ports: \[/)
  })

  it('has to be given where the server is bound to several', async () => {
    const ports = [await bind('127.0.0.1:0'), await bind('127.0.0.1:0')]
    expect(() => boundPortOf(server)).toThrow(`bound to ports ${ports.join(', ')}`)
  })

  it('has to be given where nice-grpc keeps it', async () => {
    expect(() => boundPortOf(createServer())).toThrow(/nice-grpc.*ports: \[/)
  })
})
