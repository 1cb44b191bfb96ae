import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  askTcp,
  askUdp,
  dnsEndpoint,
  dnsService,
  dnsWorld,
  queryFor,
} from '../../../test/support/dns.ts'
import { DnsServer, type DnsServerOptions } from './server.ts'

const endpoints = Array.from({ length: 100 }, (_, n) =>
  dnsEndpoint(`10.1.0.${n}`, { hostname: `h${n}` }),
)
const services = [
  dnsService('big', { endpoints }),
  dnsService('web', { clusterIps: ['127.96.0.10', 'fd00::10'] }),
]
const listen = { host: '127.0.0.1', port: 0 }
const servers: DnsServer[] = []

async function start(options: Partial<DnsServerOptions> = {}) {
  const { responder } = dnsWorld(services)
  const server = await DnsServer.listen(responder, { listen, ...options })
  servers.push(server)
  return server.address.port
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

describe('a DNS server', () => {
  it('answers over UDP and TCP at the same port', async () => {
    const port = await start()
    const query = queryFor('A', 'web.demo.svc.cluster.local')
    const udp = await askUdp(port, query)
    const [tcp] = await askTcp(port, [query])
    expect([udp.answers, tcp?.answers]).toEqual([['A 127.96.0.10'], ['A 127.96.0.10']])
  })

  it('answers many queries of one connection', async () => {
    const port = await start()
    const queries = Array.from({ length: 50 }, (_, id) =>
      queryFor('A', 'web.demo.svc.cluster.local', { id }),
    )
    const told = await askTcp(port, queries)
    expect(told.map(({ packet }) => packet.id)).toEqual(queries.map((_, id) => id))
  })

  it('answers all that is asked at once', async () => {
    const port = await start()
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    const ids = new Set<number>()
    const all = new Promise<void>((resolve) => {
      socket.on('message', (message) => {
        ids.add(message.readUInt16BE(0))
        if (ids.size === 100) resolve()
      })
    })
    for (let id = 0; id < 100; id++) {
      socket.send(queryFor('A', 'web.demo.svc.cluster.local', { id }), port, '127.0.0.1')
    }
    await all
    socket.close()
    expect(ids.size).toBe(100)
  })

  it('may be closed with questions it has read and not answered', async () => {
    const { responder } = dnsWorld(services)
    const respond = responder.respond.bind(responder)
    let server: DnsServer | undefined
    const asked = new Promise<void>((resolve) => {
      responder.respond = (...question) => {
        server?.close()
        resolve()
        return respond(...question)
      }
    })
    server = await DnsServer.listen(responder, { listen })
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    const { port } = server.address
    for (let id = 0; id < 20; id++) {
      socket.send(queryFor('A', 'web.demo.svc.cluster.local', { id }), port, '127.0.0.1')
    }
    await asked
    // What is thrown where nobody waits for it fails the test run.
    await nextTurn()
    socket.close()
    expect(() => server?.close()).not.toThrow()
  })

  it('is understood by c-ares, which comes over TCP for what does not fit', async () => {
    const port = await start()
    const resolver = new Resolver()
    resolver.setServers([`127.0.0.1:${port}`])
    const all = await resolver.resolve4('big.demo.svc.cluster.local')
    const srv = await resolver.resolveSrv('_http._tcp.big.demo.svc.cluster.local')
    const v6 = await resolver.resolve6('web.demo.svc.cluster.local')
    const reverse = await resolver.reverse('127.96.0.10')
    const missing = await resolver.resolve4('nope.demo.svc.cluster.local').catch((e) => e.code)
    const noData = await resolver.resolveTxt('web.demo.svc.cluster.local').catch((e) => e.code)
    expect([all.length, srv.length, v6, reverse, missing, noData]).toEqual([
      100,
      100,
      ['fd00::10'],
      ['web.demo.svc.cluster.local'],
      'ENOTFOUND',
      'ENODATA',
    ])
  })

  it('closes a connection that is silent', async () => {
    const port = await start({ idleMs: 50 })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'close')
    expect(socket.destroyed).toBe(true)
  })

  it('turns away connections beyond the cap', async () => {
    const port = await start({ maxConnections: 1 })
    const first = connect(port, '127.0.0.1')
    await once(first, 'connect')
    const second = connect(port, '127.0.0.1')
    await once(second, 'close')
    expect(first.destroyed).toBe(false)
    first.destroy()
  })

  it('says which address is taken', async () => {
    const port = await start()
    await expect(start({ listen: { host: '127.0.0.1', port } })).rejects.toThrow('EADDRINUSE')
  })
})
