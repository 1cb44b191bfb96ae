import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import {
  askTcp,
  askUdp,
  dnsEndpoint,
  dnsService,
  dnsWorld,
  edns,
  queryFor,
} from '../../../test/support/dns.ts'
import { Forwarder } from './forwarder.ts'
import type { HostPort } from './host-port.ts'
import { parseName } from './name.ts'
import { DnsServer } from './server.ts'

const closers: (() => void)[] = []
const listen = { host: '127.0.0.1', port: 0 }

afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server for example.org. */
async function upstream(name = 'www', address = '192.0.2.1'): Promise<HostPort> {
  const big = Array.from({ length: 100 }, (_, n) => dnsEndpoint(`192.0.2.${n}`))
  const { responder } = dnsWorld(
    [dnsService(name, { clusterIps: [address] }), dnsService('big', { endpoints: big })],
    { clusterDomain: 'example.org' },
  )
  const server = await DnsServer.listen(responder, { listen })
  closers.push(() => server.close())
  return server.address
}

/** A socket that takes queries and says nothing. */
async function silent() {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closers.push(() => socket.close())
  let queries = 0
  socket.on('message', () => queries++)
  return { address: { host: '127.0.0.1', port: socket.address().port }, queries: () => queries }
}

function forwarderTo(upstreams: readonly HostPort[], own: { now?: () => number } = {}) {
  const forwarder = new Forwarder({ upstreams, timeoutMs: 200, ...own })
  closers.push(() => forwarder.close())
  return forwarder
}

/** A server for cluster.local that asks others for the rest; its port. */
async function recursive(upstreams: readonly HostPort[]) {
  const ext = dnsService('ext', { externalName: 'www.demo.svc.example.org' })
  const gone = dnsService('gone', { externalName: 'gone.demo.svc.example.org' })
  const { responder } = dnsWorld([ext, gone], { isRecursive: true })
  const forwarder = forwarderTo(upstreams)
  const server = await DnsServer.listen(responder, { listen, forwarder })
  closers.push(() => server.close())
  return server.address.port
}

const RD = 0x0100
const question = (text: string) => ({
  name: parseName(text) ?? '',
  type: 1,
  dnssecOk: false,
  checkingDisabled: false,
})

describe('names of others', () => {
  it('are answered by those who know them, not as an authority', async () => {
    const port = await recursive([await upstream()])
    const told = await askUdp(port, queryFor('A', 'WWW.demo.svc.example.org', { flags: RD }))
    expect([told.answers, told.flags, told.packet.questions?.[0]?.name]).toEqual([
      ['A 192.0.2.1'],
      ['rd', 'ra'],
      'WWW.demo.svc.example.org',
    ])
  })

  it('that do not exist are said not to', async () => {
    const port = await recursive([await upstream()])
    const told = await askUdp(port, queryFor('A', 'no.demo.svc.example.org', { flags: RD }))
    expect([told.rcode, told.authorities]).toEqual(['NXDOMAIN', ['SOA example.org']])
  })

  it('are refused to who does not desire recursion', async () => {
    const port = await recursive([await upstream()])
    const told = await askUdp(port, queryFor('A', 'www.demo.svc.example.org'))
    expect(told.rcode).toBe('REFUSED')
  })

  it('are asked for over TCP when the answer is long, and passed on in full', async () => {
    const port = await recursive([await upstream()])
    const query = queryFor('A', 'big.demo.svc.example.org', { flags: RD })
    const cut = await askUdp(port, query)
    const [whole] = await askTcp(port, [query])
    expect([cut.flags.includes('tc'), cut.answers.length, whole?.answers.length]).toEqual([
      true,
      0,
      100,
    ])
  })

  it('come with EDNS to those who speak it', async () => {
    const port = await recursive([await upstream()])
    const additionals = [edns(1232)]
    const query = queryFor('A', 'www.demo.svc.example.org', { flags: RD, additionals })
    const told = await askUdp(port, query)
    expect(told.additionals).toEqual(['OPT'])
  })

  it('fail when nobody answers', async () => {
    const port = await recursive([(await silent()).address])
    const told = await askUdp(port, queryFor('A', 'www.demo.svc.example.org', { flags: RD }))
    expect(told.rcode).toBe('SERVFAIL')
  })
})

describe('aliases of names of others', () => {
  it('are answered with what the others say', async () => {
    const port = await recursive([await upstream()])
    const told = await askUdp(port, queryFor('A', 'ext.demo.svc.cluster.local', { flags: RD }))
    expect([told.rcode, told.answers, told.flags]).toEqual([
      'NOERROR',
      ['CNAME www.demo.svc.example.org', 'A 192.0.2.1'],
      ['aa', 'rd', 'ra'],
    ])
  })

  it('say so when the others know no such name', async () => {
    const port = await recursive([await upstream()])
    const told = await askUdp(port, queryFor('A', 'gone.demo.svc.cluster.local', { flags: RD }))
    expect([told.rcode, told.answers]).toEqual(['NXDOMAIN', ['CNAME gone.demo.svc.example.org']])
  })
})

describe('a forwarder', () => {
  it('asks the next server when one is silent, and stays with it', async () => {
    const dead = await silent()
    const forwarder = forwarderTo([dead.address, await upstream()])
    const first = await forwarder.resolve(question('www.demo.svc.example.org'))
    const second = await forwarder.resolve(question('no.demo.svc.example.org'))
    expect([first?.answer.length, second?.rcode, dead.queries()]).toEqual([1, 3, 1])
  })

  it('asks the next server when one refuses', async () => {
    const other = dnsWorld([])
    const refusing = await DnsServer.listen(other.responder, { listen })
    closers.push(() => refusing.close())
    const forwarder = forwarderTo([refusing.address, await upstream()])
    const resolved = await forwarder.resolve(question('www.demo.svc.example.org'))
    expect(resolved?.answer.length).toBe(1)
  })

  it('keeps an answer for as long as it is good', async () => {
    let nowMs = 0
    const forwarder = forwarderTo([await upstream()], { now: () => nowMs })
    const ttlAfter = async (ms: number) => {
      nowMs = ms
      const resolved = await forwarder.resolve(question('www.demo.svc.example.org'))
      return resolved?.answer[0]?.ttl
    }
    expect([await ttlAfter(0), await ttlAfter(3_000), await ttlAfter(5_000)]).toEqual([5, 2, 5])
  })

  it('asks once for what many ask at the same time, as a loop would', async () => {
    const dead = await silent()
    const forwarder = forwarderTo([dead.address])
    const all = await Promise.all(
      Array.from({ length: 10 }, () => forwarder.resolve(question('www.example.org'))),
    )
    expect([all.every((one) => one === undefined), dead.queries()]).toEqual([true, 1])
  })

  it('asks for no more than so many names at one time', async () => {
    const dead = await silent()
    const forwarder = new Forwarder({ upstreams: [dead.address], timeoutMs: 200, maxPending: 1 })
    closers.push(() => forwarder.close())
    const startMs = performance.now()
    void forwarder.resolve(question('a.example.org'))
    await forwarder.resolve(question('b.example.org'))
    expect(performance.now() - startMs).toBeLessThan(150)
  })

  it('takes no answer to another question', async () => {
    const liar = createSocket('udp4')
    liar.bind(0, '127.0.0.1')
    await once(liar, 'listening')
    closers.push(() => liar.close())
    liar.on('message', (query, { port }) => {
      const response = Buffer.from(query)
      response[2] = 0x80
      response.writeUInt16BE((query.readUInt16BE(0) + 1) & 0xffff, 0)
      liar.send(response, port, '127.0.0.1')
    })
    const forwarder = forwarderTo([{ host: '127.0.0.1', port: liar.address().port }])
    expect(await forwarder.resolve(question('www.example.org'))).toBeUndefined()
  })
})
