import * as grpc from '@grpc/grpc-js'
import type { Roster } from '@roster/client'
import { createChannel, createClient, createServer } from 'nice-grpc'
import { HealthDefinition } from 'nice-grpc-server-health'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EchoService } from '../support/echo-backend.ts'
import { SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

const [SERVING, NOT_SERVING, SERVICE_UNKNOWN] = [1, 2, 3]

/** A server on a free port with the health of a connection. */
type Healthy = (roster: Roster) => Promise<{ port: number; server: grpc.Server | NiceServer }>
type NiceServer = ReturnType<typeof createServer>

const grpcJs: Healthy = async (roster) => {
  const server = new grpc.Server()
  roster.serveHealth(server)
  const port = await new Promise<number>((resolve) => {
    const insecure = grpc.ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', insecure, (_, bound) => resolve(bound))
  })
  return { port, server }
}

const niceGrpc: Healthy = async (roster) => {
  const server = createServer()
  roster.serveHealth(server)
  return { port: await server.listen('127.0.0.1:0'), server }
}

describe.each([
  ['grpc-js', grpcJs],
  ['nice-grpc', niceGrpc],
])('the health of a %s server', (_, serve) => {
  async function start() {
    const roster = world.connect('127.0.0.1:1', { onEvent: () => {} })
    const { port, server } = await serve(roster)
    world.onClose(() => server.forceShutdown())
    const channel = createChannel(`127.0.0.1:${port}`)
    world.onClose(() => channel.close())
    const health = createClient(HealthDefinition, channel)
    const statusOf = async (service: string) => (await health.check({ service })).status
    /** What a watcher hears, and how its watch ends. */
    const watch = (service: string) => {
      const heard: number[] = []
      const end = (async () => {
        for await (const { status } of health.watch({ service })) heard.push(status)
        return 'OK'
      })().catch((error: Error) => error.message)
      return { heard, end }
    }
    return { roster, server, statusOf, watch }
  }

  it('is that of its pod', async () => {
    const { roster, statusOf } = await start()
    const seen = [await statusOf('')]
    const registration = roster.register({ ports: [], ready: false })
    seen.push(await statusOf(''))
    void registration.setReady(true)
    seen.push(await statusOf(''))
    void registration.setReady(false)
    seen.push(await statusOf(''))
    expect(seen).toEqual([NOT_SERVING, NOT_SERVING, SERVING, NOT_SERVING])
  })

  it('is known of the services the pod has named, and of no other', async () => {
    const { roster, statusOf } = await start()
    roster.register({ ports: [], services: [EchoService] })
    const known = await statusOf('test.v1.EchoService')
    expect(known).toBe(SERVING)
    await expect(statusOf('test.v1.Other')).rejects.toThrow(/NOT_FOUND/)
  })

  it('is told to watchers as it changes, also of a service not known yet', async () => {
    const { roster, watch } = await start()
    const server = watch('')
    const service = watch('test.v1.EchoService')
    await vi.waitFor(() => expect([server.heard, service.heard]).toEqual([[2], [3]]))
    const registration = roster.register({ ports: [], services: [EchoService] })
    await vi.waitFor(() => expect(service.heard.at(-1)).toBe(SERVING))
    void registration.setReady(false)
    await vi.waitFor(() => expect(service.heard.at(-1)).toBe(NOT_SERVING))
    expect(server.heard).toEqual([NOT_SERVING, SERVING, NOT_SERVING])
    expect(service.heard).toEqual([SERVICE_UNKNOWN, SERVING, NOT_SERVING])
  })

  it('turns bad before a drain shuts the server down, which no watcher holds up', async () => {
    const { roster, server, watch } = await start()
    const registration = roster.register(server, {
      ports: [],
      // Were the watch to hold the server up, the test would be over first.
      drain: { propagateMs: 0, graceMs: 60_000 },
    })
    const watched = watch('')
    await vi.waitFor(() => expect(watched.heard).toEqual([SERVING]))
    await registration.drain()
    expect(await watched.end).toMatch(/UNAVAILABLE: the server is shutting down/)
    expect(watched.heard).toEqual([SERVING, NOT_SERVING])
  })
})
