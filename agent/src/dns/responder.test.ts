import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ask,
  dnsEndpoint,
  dnsService,
  dnsWorld,
  edns,
  queryFor,
} from '../../../test/support/dns.ts'

const web = dnsService('web', {
  clusterIps: ['127.96.0.10', 'fd00::10'],
  endpoints: [dnsEndpoint('10.0.0.1', { hostname: 'ep1a' }), dnsEndpoint('10.0.0.2')],
})
const db = dnsService('db', {
  endpoints: [
    dnsEndpoint('10.0.1.1', { hostname: 'db-0' }),
    dnsEndpoint('10.0.1.2', { hostname: 'db-1' }),
    dnsEndpoint('fd00:1234::', {}),
  ],
})
const empty = dnsService('empty')
const ext = dnsService('ext', { externalName: 'Example.ORG.', ports: [] })
const alias = dnsService('alias', { externalName: 'web.demo.svc.cluster.local', ports: [] })
const services = [web, db, empty, ext, alias]

const { responder } = dnsWorld(services, { address: '127.0.0.1', now: () => 1_700_000_000 })
const query = (type: string, name: string) => ask(responder, queryFor(type, name))
const answersOf = (type: string, name: string) => query(type, name).answers
const outcome = (type: string, name: string) => {
  const { rcode, answers, authorities } = query(type, name)
  return [rcode, answers.length, ...authorities]
}
const NODATA = ['NOERROR', 0, 'SOA cluster.local']
const NXDOMAIN = ['NXDOMAIN', 0, 'SOA cluster.local']

describe('services with a virtual address', () => {
  it('have one address per family', () => {
    expect(answersOf('A', 'web.demo.svc.cluster.local')).toEqual(['A 127.96.0.10'])
    expect(answersOf('AAAA', 'web.demo.svc.cluster.local')).toEqual(['AAAA fd00::10'])
  })

  it('of one family have no data, and still exist, in the other', () => {
    const single = dnsWorld([dnsService('one', { clusterIps: ['127.96.0.1'] })])
    const told = ask(single.responder, queryFor('AAAA', 'one.demo.svc.cluster.local'))
    expect([told.rcode, told.answers, told.authorities]).toEqual([
      'NOERROR',
      [],
      ['SOA cluster.local'],
    ])
  })

  it('have SRV records for named ports, with the addresses beside them', () => {
    const told = query('SRV', '_http._tcp.web.demo.svc.cluster.local')
    expect(told.answers).toEqual(['SRV 0 50 80 web.demo.svc.cluster.local'])
    expect(told.additionals).toEqual(['A 127.96.0.10', 'AAAA fd00::10'])
  })

  it('have SRV records for all ports under their own name', () => {
    expect(answersOf('SRV', 'web.demo.svc.cluster.local')).toEqual([
      'SRV 0 50 80 web.demo.svc.cluster.local',
    ])
  })

  it('have names for their endpoints, by host name or by address', () => {
    expect(answersOf('A', 'ep1a.web.demo.svc.cluster.local')).toEqual(['A 10.0.0.1'])
    expect(answersOf('A', '10-0-0-2.web.demo.svc.cluster.local')).toEqual(['A 10.0.0.2'])
  })

  it('have no SRV record of a port without a name', () => {
    const ports = [{ name: '', protocol: 'TCP', port: 80 }]
    const { responder } = dnsWorld([dnsService('one', { clusterIps: ['127.96.0.1'], ports })])
    const told = ask(responder, queryFor('SRV', 'one.demo.svc.cluster.local'))
    expect(told.answers).toEqual(['SRV 0 100 80 one.demo.svc.cluster.local'])
    expect(ask(responder, queryFor('SRV', '_tcp.one.demo.svc.cluster.local')).rcode).toBe(
      'NXDOMAIN',
    )
  })
})

describe('headless services', () => {
  it('have the addresses of their ready endpoints', () => {
    const addresses = answersOf('A', 'db.demo.svc.cluster.local')
    expect([...addresses].sort()).toEqual(['A 10.0.1.1', 'A 10.0.1.2'])
    expect(answersOf('AAAA', 'db.demo.svc.cluster.local')).toEqual(['AAAA fd00:1234::'])
  })

  it('begin each answer with another endpoint', () => {
    const firsts = [1, 2].map(() => answersOf('A', 'db.demo.svc.cluster.local')[0])
    expect(new Set(firsts).size).toBe(2)
  })

  it('do not exist without a ready endpoint', () => {
    expect(outcome('A', 'empty.demo.svc.cluster.local')).toEqual(NXDOMAIN)
  })

  it('have one SRV record per endpoint and port, with the addresses beside them', () => {
    const told = query('SRV', '_http._tcp.db.demo.svc.cluster.local')
    expect([...told.answers].sort()).toEqual([
      'SRV 0 33 8080 db-0.db.demo.svc.cluster.local',
      'SRV 0 33 8080 db-1.db.demo.svc.cluster.local',
      'SRV 0 33 8080 fd00-1234--0.db.demo.svc.cluster.local',
    ])
    expect([...told.additionals].sort()).toEqual(['A 10.0.1.1', 'A 10.0.1.2', 'AAAA fd00:1234::'])
  })

  it('share the weight of 100 among their endpoints', () => {
    const endpoints = Array.from({ length: 6 }, (_, n) => dnsEndpoint(`10.0.2.${n}`))
    const { responder } = dnsWorld([dnsService('six', { endpoints })])
    const { answers } = ask(responder, queryFor('SRV', '_http._tcp.six.demo.svc.cluster.local'))
    expect(answers.every((answer) => answer.startsWith('SRV 0 16 '))).toBe(true)
  })

  it('tell of endpoints with one host name as of one name with several addresses', () => {
    const endpoints = ['10.0.0.1', '10.0.0.2'].map((ip) => dnsEndpoint(ip, { hostname: 'h' }))
    const { responder } = dnsWorld([dnsService('twins', { endpoints })])
    const name = 'twins.demo.svc.cluster.local'
    expect(ask(responder, queryFor('A', `h.${name}`)).answers).toHaveLength(2)
    const srv = ask(responder, queryFor('SRV', `_http._tcp.${name}`))
    expect([srv.answers, [...srv.additionals].sort()]).toEqual([
      [`SRV 0 50 8080 h.${name}`],
      ['A 10.0.0.1', 'A 10.0.0.2'],
    ])
  })
})

describe('reverse names', () => {
  it('lead from a virtual address to its service, whatever endpoints have it too', () => {
    const other = dnsService('other', { endpoints: [dnsEndpoint('127.96.0.10')] })
    const { responder } = dnsWorld([other, web])
    const { answers } = ask(responder, queryFor('PTR', '10.0.96.127.in-addr.arpa'))
    expect(answers).toEqual(['PTR web.demo.svc.cluster.local'])
  })

  it('lead from a virtual IPv6 address to its service', () => {
    const name = `0.1.${'0.'.repeat(28)}d.f.ip6.arpa`
    expect(answersOf('PTR', name)).toEqual(['PTR web.demo.svc.cluster.local'])
  })

  it('lead from an endpoint to its name in every service it is in', () => {
    const shared = ['one', 'two'].map((name) =>
      dnsService(name, { endpoints: [dnsEndpoint('10.0.0.1', { hostname: 'h' })] }),
    )
    const { responder } = dnsWorld(shared)
    const { answers } = ask(responder, queryFor('PTR', '1.0.0.10.in-addr.arpa'))
    expect([...answers].sort()).toEqual([
      'PTR h.one.demo.svc.cluster.local',
      'PTR h.two.demo.svc.cluster.local',
    ])
  })

  it('of virtual addresses nobody has do not exist', () => {
    const { rcode, authorities } = query('PTR', '99.0.96.127.in-addr.arpa')
    expect([rcode, authorities]).toEqual(['NXDOMAIN', ['SOA 96.127.in-addr.arpa']])
  })

  it('of other networks are none of ours', () => {
    expect(query('PTR', '1.0.0.8.in-addr.arpa').rcode).toBe('REFUSED')
  })
})

describe('aliases', () => {
  it('into the zone are followed', () => {
    const told = query('A', 'alias.demo.svc.cluster.local')
    expect(told.answers).toEqual(['CNAME web.demo.svc.cluster.local', 'A 127.96.0.10'])
  })

  it('to other names are left to the client where nobody can be asked', () => {
    const told = query('A', 'ext.demo.svc.cluster.local')
    expect([told.rcode, told.answers]).toEqual(['NOERROR', ['CNAME example.org']])
  })

  it('to names that are missing say so (RFC 6604)', () => {
    const { responder } = dnsWorld([
      dnsService('gone', { externalName: 'nobody.demo.svc.cluster.local' }),
    ])
    const told = ask(responder, queryFor('A', 'gone.demo.svc.cluster.local'))
    expect([told.rcode, told.answers, told.authorities]).toEqual([
      'NXDOMAIN',
      ['CNAME nobody.demo.svc.cluster.local'],
      ['SOA cluster.local'],
    ])
  })

  it('that go in a circle fail', () => {
    const name = (service: string) => `${service}.demo.svc.cluster.local`
    const { responder } = dnsWorld([
      dnsService('a', { externalName: name('b') }),
      dnsService('b', { externalName: name('a') }),
    ])
    expect(ask(responder, queryFor('A', name('a'))).rcode).toBe('SERVFAIL')
  })

  it('end after ten of them', () => {
    const name = (n: number) => `a${n}.demo.svc.cluster.local`
    const chain = Array.from({ length: 12 }, (_, n) =>
      dnsService(`a${n}`, { externalName: name(n + 1) }),
    )
    const { responder } = dnsWorld([...chain, dnsService('a12', { clusterIps: ['127.96.0.1'] })])
    expect(ask(responder, queryFor('A', name(2)), 'tcp').answers.at(-1)).toBe('A 127.96.0.1')
    expect(ask(responder, queryFor('A', name(0)), 'tcp').rcode).toBe('SERVFAIL')
  })

  it('have no ports and no names below them', () => {
    expect(outcome('SRV', 'ext.demo.svc.cluster.local')).toEqual(NODATA)
    expect(outcome('A', 'x.ext.demo.svc.cluster.local')).toEqual(NXDOMAIN)
    expect(outcome('SRV', '_http._tcp.ext.demo.svc.cluster.local')).toEqual(NXDOMAIN)
  })

  it('of what looks like an address lead nowhere', () => {
    const { responder } = dnsWorld([dnsService('ip', { externalName: '10.0.0.1' })])
    expect(ask(responder, queryFor('A', 'ip.demo.svc.cluster.local')).rcode).toBe('NXDOMAIN')
  })
})

describe('the zone itself', () => {
  it('tells the version of its schema', () => {
    const told = query('TXT', 'dns-version.cluster.local')
    expect([told.answers, told.packet.answers?.[0]]).toMatchObject([['TXT 1.1.0'], { ttl: 28_800 }])
  })

  it('has a start of authority with the time of its last change', () => {
    expect(query('SOA', 'cluster.local').packet.answers).toMatchObject([
      {
        ttl: 5,
        data: {
          mname: 'ns.dns.cluster.local',
          rname: 'hostmaster.cluster.local',
          serial: 1_700_000_000,
          refresh: 7_200,
          retry: 1_800,
          expire: 86_400,
          minimum: 5,
        },
      },
    ])
  })

  it('has a name server with an address', () => {
    const told = query('NS', 'cluster.local')
    expect([told.answers, told.additionals]).toEqual([['NS ns.dns.cluster.local'], ['A 127.0.0.1']])
    expect(answersOf('A', 'ns.dns.cluster.local')).toEqual(['A 127.0.0.1'])
  })

  it.each([
    ['A', 'cluster.local'],
    ['A', 'svc.cluster.local'],
    ['A', 'pod.cluster.local'],
    ['A', 'demo.svc.cluster.local'],
    ['A', '_tcp.web.demo.svc.cluster.local'],
    ['TXT', 'web.demo.svc.cluster.local'],
    ['HINFO', 'web.demo.svc.cluster.local'],
    ['UNKNOWN_65', 'web.demo.svc.cluster.local'],
    ['MX', 'web.demo.svc.cluster.local'],
  ])('has no %s data at %s, which exists', (type, name) => {
    expect(outcome(type, name)).toEqual(NODATA)
  })

  it.each([
    'foo.cluster.local',
    'nons.svc.cluster.local',
    'nope.demo.svc.cluster.local',
    'web.nons.svc.cluster.local',
    '_udp.web.demo.svc.cluster.local',
    '_dns._tcp.web.demo.svc.cluster.local',
    '10-0-0-9.web.demo.svc.cluster.local',
    '10-0-0-1.demo.pod.cluster.local',
  ])('has no %s', (name) => {
    expect(outcome('A', name)).toEqual(NXDOMAIN)
  })

  it('keeps a namespace as long as it has a service', () => {
    const { responder, zone } = dnsWorld([empty])
    const before = ask(responder, queryFor('A', 'demo.svc.cluster.local')).rcode
    zone.remove('demo/empty')
    const after = ask(responder, queryFor('A', 'demo.svc.cluster.local')).rcode
    expect([before, after]).toEqual(['NOERROR', 'NXDOMAIN'])
  })

  it('names pods by address where it is told to, in their namespace only', () => {
    const { responder } = dnsWorld([web], { podNames: 'verified' })
    const found = ask(responder, queryFor('A', '10-0-0-2.demo.pod.cluster.local'))
    const other = ask(responder, queryFor('A', '10-0-0-9.demo.pod.cluster.local'))
    const elsewhere = ask(responder, queryFor('A', '10-0-0-2.default.pod.cluster.local'))
    expect([found.answers, other.rcode, elsewhere.rcode]).toEqual([
      ['A 10.0.0.2'],
      'NXDOMAIN',
      'NXDOMAIN',
    ])
  })

  it('says that it does not know before it is whole, but tells what it has', () => {
    const { responder } = dnsWorld([web], { isSynced: () => false })
    const missing = ask(responder, queryFor('A', 'nope.demo.svc.cluster.local'))
    const known = ask(responder, queryFor('A', 'web.demo.svc.cluster.local'))
    expect([missing.rcode, missing.authorities, known.answers]).toEqual([
      'SERVFAIL',
      [],
      ['A 127.96.0.10'],
    ])
  })
})

describe('responses', () => {
  it('repeat the question as it was written', () => {
    const told = query('A', 'WeB.DeMo.SVC.cluster.LOCAL')
    expect(told.packet.questions?.[0]?.name).toBe('WeB.DeMo.SVC.cluster.LOCAL')
    expect(told.answers).toEqual(['A 127.96.0.10'])
  })

  it('are authoritative, and copy that recursion is desired', () => {
    const told = ask(responder, queryFor('A', 'web.demo.svc.cluster.local', { flags: 0x0110 }))
    expect(told.flags).toEqual(['aa', 'rd', 'cd'])
  })

  it('never compress the target of an SRV record (RFC 2782)', () => {
    const out = Buffer.alloc(1232)
    const message = queryFor('SRV', '_http._tcp.web.demo.svc.cluster.local')
    const length = responder.respond(message, out, 'udp') as number
    const target = Buffer.from('\x03web\x04demo\x03svc\x07cluster\x05local\0', 'latin1')
    expect(out.subarray(message.length, length).includes(target)).toBe(true)
    // Owner names are pointers to the question.
    expect(out.readUInt16BE(message.length)).toBe(0xc00c)
  })

  it('speak EDNS to those who do', () => {
    const additionals = [edns(4096)]
    const told = ask(responder, queryFor('A', 'web.demo.svc.cluster.local', { additionals }))
    expect(told.packet.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }])
  })

  it('refuse versions of EDNS that do not exist yet', () => {
    const additionals = [edns(4096, { ednsVersion: 1 })]
    const told = ask(responder, queryFor('A', 'web.demo.svc.cluster.local', { additionals }))
    expect([told.rcode, told.packet.additionals, told.answers]).toMatchObject([
      'NOERROR',
      [{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }],
      [],
    ])
  })

  it.each([
    ['transfers of the zone', 'AXFR', 0, 'REFUSED'],
    ['incremental transfers', 'IXFR', 0, 'REFUSED'],
    ['unknown operations', 'A', 0x2800, 'NOTIMP'],
  ])('refuse %s', (_, type, flags, rcode) => {
    expect(ask(responder, queryFor(type, 'cluster.local', { flags })).rcode).toBe(rcode)
  })

  it('refuse other classes', () => {
    const message = queryFor('TXT', 'version.bind')
    message.writeUInt16BE(3, message.length - 2)
    expect(ask(responder, message).rcode).toBe('REFUSED')
  })

  it('refuse names of others where nobody can be asked', () => {
    expect(query('A', 'example.org').rcode).toBe('REFUSED')
  })

  it('are not given to responses and fragments', () => {
    const response = queryFor('A', 'web.demo.svc.cluster.local', { type: 'response' })
    const out = Buffer.alloc(1232)
    const lengths = [response, Buffer.alloc(11)].map((bytes) =>
      responder.respond(bytes, out, 'udp'),
    )
    expect(lengths).toEqual([0, 0])
  })
})

describe('long answers', () => {
  const endpoints = Array.from({ length: 100 }, (_, n) => dnsEndpoint(`10.1.0.${n}`))
  const { responder } = dnsWorld([dnsService('big', { endpoints })])
  const name = 'big.demo.svc.cluster.local'

  it('are cut at 512 bytes without EDNS, and say so', () => {
    const told = ask(responder, queryFor('A', name))
    expect([told.flags.includes('tc'), told.answers.length, told.bytes <= 512]).toEqual([
      true,
      29,
      true,
    ])
  })

  it('are cut at 1232 bytes, however much more the client would take', () => {
    const told = ask(responder, queryFor('A', name, { additionals: [edns(4096)] }))
    expect([told.flags.includes('tc'), told.answers.length, told.bytes <= 1232]).toEqual([
      true,
      73,
      true,
    ])
  })

  it('are whole over TCP', () => {
    const told = ask(responder, queryFor('A', name), 'tcp')
    expect([told.flags.includes('tc'), told.answers.length]).toEqual([false, 100])
  })

  it('lose additional records without being cut', () => {
    const few = endpoints.slice(0, 7)
    const { responder } = dnsWorld([dnsService('some', { endpoints: few })])
    const message = queryFor('SRV', '_http._tcp.some.demo.svc.cluster.local')
    const told = ask(responder, message)
    expect([told.flags.includes('tc'), told.answers.length]).toEqual([false, 7])
    expect(told.additionals.length).toBeLessThan(7)
    expect(ask(responder, message, 'tcp').additionals).toHaveLength(7)
  })
})

describe('whatever comes', () => {
  const endpoints = Array.from({ length: 50 }, (_, n) => dnsEndpoint(`10.1.0.${n}`))
  const { responder } = dnsWorld([...services, dnsService('big', { endpoints })])
  const out = Buffer.alloc(65_535)
  const valid = fc
    .record({
      type: fc.constantFrom('A', 'AAAA', 'SRV', 'PTR', 'TXT', 'SOA', 'NS', 'CNAME', 'ANY'),
      name: fc.constantFrom(
        'big.demo.svc.cluster.local',
        '_http._tcp.big.demo.svc.cluster.local',
        'alias.demo.svc.cluster.local',
        'cluster.local',
        'nope.cluster.local',
        '10.0.96.127.in-addr.arpa',
      ),
      // The library takes 0 for its own default.
      size: fc.option(fc.integer({ min: 1, max: 65_535 })),
    })
    .map(({ type, name, size }) => ({
      message: queryFor(type, name, size === null ? {} : { additionals: [edns(size)] }),
      limit: size === null ? 512 : Math.max(512, Math.min(size, 1232)),
    }))

  it('random bytes do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const result = responder.respond(Buffer.from(bytes), out, 'udp')
        expect(typeof result === 'object' || result <= 1232).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('queries with some bytes changed or cut off do no harm', () => {
    const edits = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(valid, edits, fc.nat(120), ({ message }, changes, cut) => {
        for (const [at, value] of changes) if (at < message.length) message[at] = value
        const result = responder.respond(message.subarray(0, message.length - cut), out, 'udp')
        expect(typeof result === 'object' || result <= 1232).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('no response over UDP is greater than the client takes, and each can be read', () => {
    fc.assert(
      fc.property(valid, ({ message, limit }) => {
        const told = ask(responder, message)
        expect(told.bytes).toBeLessThanOrEqual(limit)
        expect(told.packet.id).toBe(4711)
      }),
      { numRuns: 1_000 },
    )
  })
})
