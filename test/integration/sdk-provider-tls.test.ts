import * as grpc from '@grpc/grpc-js'
import type { connectRoster, RosterEvent } from '@roster/client'
import { startRegistry } from '@roster/server'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { EchoService, echo } from '../support/echo-backend.ts'
import { applyEcho, podOf, SdkWorld } from '../support/sdk-world.ts'
import { type Certificate, certificateFor } from '../support/tls.ts'

let registryTls: Certificate
let serviceTls: Certificate
beforeAll(async () => {
  registryTls = await certificateFor('IP:127.0.0.1')
  serviceTls = await certificateFor('DNS:echo.demo')
})

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

async function registry(own: { readonly tls?: Certificate; readonly token?: string }) {
  const started = await startRegistry({
    data: ':memory:',
    listen: '127.0.0.1:0',
    logLevel: 'silent',
    ...own,
  })
  world.onClose(() => started.stop())
  return started.address
}

const trusting = ({ cert }: Certificate) => grpc.ChannelCredentials.createSsl(cert)

/** A server with the certificate of the service, bound and registered behind demo/echo. */
async function tlsPod(address: string, options: Parameters<typeof connectRoster>[1] = {}) {
  const roster = world.connect(address, options)
  const server = new grpc.Server()
  world.onClose(() => server.forceShutdown())
  server.addService(EchoService, {
    echo: (_: unknown, done: grpc.sendUnaryData<{ name: string }>) => done(null, { name: 'tls' }),
  })
  const { cert, key } = serviceTls
  const pair = { cert_chain: cert, private_key: key }
  const credentials = grpc.ServerCredentials.createSsl(null, [pair])
  await new Promise((resolve) => server.bindAsync('127.0.0.1:0', credentials, resolve))
  const registration = roster.register(server, { namespace: 'demo', labels: { app: 'echo' } })
  await registration.ready
  return roster
}

function clientWith(
  roster: ReturnType<typeof connectRoster>,
  credentials: grpc.ChannelCredentials,
) {
  const client = new grpc.Client('roster:///demo/echo', credentials, roster.channelOptions())
  world.onClose(() => client.close())
  return client
}

describe('a registry with TLS and a token', () => {
  it('takes pods and tells of endpoints', async () => {
    const address = await registry({ tls: registryTls, token: 'secret' })
    const options = { credentials: trusting(registryTls), token: async () => 'secret' }
    const roster = world.connect(address, options)
    await applyEcho(roster)
    await world.connect(address, options).register(podOf(await world.backend('a'))).ready
    expect(await echo(world.client(roster), { waitForReady: true })).toBe('a')
  })

  it('is not spoken to when its certificate is not trusted', async () => {
    const address = await registry({ tls: registryTls })
    const roster = world.connect(address, { credentials: trusting(serviceTls) })
    await expect(roster.catalog.listServices({})).rejects.toThrow(/UNAVAILABLE|self-signed/)
  })

  it('is heard of when it refuses the token, and again when that is right', async () => {
    const address = await registry({ token: 'secret' })
    const refusals: string[] = []
    const onEvent = (event: RosterEvent) => {
      if (event.type === 'lease_broken') refusals.push(event.error.code)
    }
    let token = 'wrong'
    const roster = world.connect(address, { token: () => token, onEvent })
    const registration = roster.register({ ports: [] })
    await vi.waitFor(() => expect(refusals).toContain('UNAUTHENTICATED'))
    token = 'secret'
    await expect(registration.ready).resolves.toBeUndefined()
  })

  it('warns of a token that is refused once, where nobody listens', async () => {
    const address = await registry({ token: 'secret' })
    const warnings: string[] = []
    const onWarning = ({ name, message }: Error) => {
      if (name === 'RosterWarning') warnings.push(message)
    }
    process.on('warning', onWarning)
    world.onClose(() => process.off('warning', onWarning))
    let asked = 0
    const roster = world.connect(address, { token: () => `wrong-${asked++}` })
    roster.register({ ports: [] })
    await vi.waitFor(() => expect(asked).toBeGreaterThan(2), { timeout: 10_000 })
    expect(warnings).toEqual([expect.stringMatching(/does not let this process register: .*token/)])
  })
})

describe('endpoints with TLS', () => {
  it('are believed when their certificate is that of service.namespace', async () => {
    const address = await registry({})
    const roster = await tlsPod(address)
    await applyEcho(roster)
    const client = clientWith(roster, trusting(serviceTls))
    expect(await echo(client, { waitForReady: true })).toBe('tls')
  })

  it('are not believed under the name of another service', async () => {
    const address = await registry({})
    const roster = await tlsPod(address)
    await applyEcho(roster)
    await roster.catalog.applyService({
      service: {
        metadata: { namespace: 'demo', name: 'other' },
        spec: { selector: { app: 'echo' }, ports: [{ port: 80, targetPort: 'grpc' }] },
      },
    })
    await roster.ready('demo/other')
    const channel = roster.channel('demo/other', { credentials: trusting(serviceTls) })
    const client = new grpc.Client('', grpc.credentials.createInsecure(), {
      channelOverride: channel,
    })
    await expect(echo(client)).rejects.toThrow(/UNAVAILABLE.*(other\.demo|altnames)/s)
  })
})
