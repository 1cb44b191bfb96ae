import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { ProxyWorld, read } from '../../../../test/support/proxy-world.ts'
import { endpoint, ServiceFeed, serviceSet } from '../../../../test/support/service-feed.ts'
import { freePort, virtualIP } from '../../../../test/support/virtual-ip.ts'
import { startUserspaceProxy } from './userspace-proxy.ts'

const complaints: string[] = []
const log = pino({ level: 'warn' }, { write: (line) => complaints.push(line) })
const PORT = 8080
/** Nobody listens at port 1 of the loopback interface. */
const DEAD_PORT = 1

let world: ProxyWorld
let feed: ServiceFeed
let vip: string
let proxy: ReturnType<typeof startUserspaceProxy>

beforeEach(() => {
  world = new ProxyWorld()
  feed = new ServiceFeed()
  vip = virtualIP()
  proxy = startUserspaceProxy({
    source: feed,
    node: 'n1',
    zone: 'z1',
    log,
    isolation: 'none',
    drainMs: 0,
  })
  world.later(() => proxy.close())
})

afterEach(() => world.end())

type SetOptions = Parameters<typeof serviceSet>[0]
const put = (endpoints: Parameters<typeof serviceSet>[1], spec: SetOptions = {}) =>
  feed.put(serviceSet({ clusterIp: vip, ...spec }, endpoints))

const open = async (port: number, address: string): Promise<Socket> => {
  const socket = connect({ port, host: address, allowHalfOpen: true })
  world.later(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Reads until the proxy answers as expected. */
const answers = (expected: string, port = PORT, address = vip) =>
  eventually(async () => expect(await read(port, address)).toBe(expected))

describe('a connection to a ClusterIP', () => {
  it('comes to an endpoint', async () => {
    put([endpoint('a', await world.naming('a'))])
    await answers('a')
  })

  it('is refused while there are no endpoints, and again when there are none any more', async () => {
    const a = endpoint('a', await world.naming('a'))
    put([])
    expect(await read(PORT, vip)).toBe('ECONNREFUSED')
    put([a])
    await answers('a')
    put([])
    await answers('ECONNREFUSED')
    put([a])
    await answers('a')
    feed.remove('shop/web')
    await answers('ECONNREFUSED')
  })

  it('comes to endpoints by their weights', async () => {
    const [a, b] = [await world.naming('a'), await world.naming('b')]
    put([endpoint('a', a, { weight: 3 }), endpoint('b', b, { weight: 1 })])
    await eventually(async () => expect(await read(PORT, vip)).toMatch(/[ab]/))
    const names = []
    for (let n = 0; n < 40; n++) names.push(await read(PORT, vip))
    expect(names.filter((name) => name === 'a')).toHaveLength(30)
  })

  it('tries every endpoint once before it is given up', async () => {
    const a = await world.naming('a')
    put([endpoint('x', DEAD_PORT), endpoint('y', DEAD_PORT), endpoint('z', a)])
    await answers('a')
    for (let n = 0; n < 6; n++) expect(await read(PORT, vip)).toBe('a')
    put([endpoint('x', DEAD_PORT), endpoint('y', DEAD_PORT)])
    await answers('ECONNRESET')
  })

  it('loses nothing the client sent while an endpoint was being found', async () => {
    let received = ''
    const port = await world.server((socket) =>
      socket.setEncoding('utf8').on('data', (text) => {
        received += text
      }),
    )
    put([endpoint('x', DEAD_PORT), endpoint('a', port)])
    await eventually(async () => (await open(PORT, vip)).destroy())
    for (let n = 0; n < 4; n++) (await open(PORT, vip)).write('early ')
    await eventually(() => expect(received).toBe('early early early early '))
  })

  it('passes on the end of one direction while the other goes on', async () => {
    const port = await world.server((socket) => {
      let text = ''
      socket.on('data', (part) => {
        text += part
      })
      socket.on('end', () => socket.end(`heard ${text}`))
    })
    put([endpoint('a', port)])
    await eventually(async () => (await open(PORT, vip)).destroy())
    const socket = await open(PORT, vip)
    socket.end('the question')
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toBe('heard the question')
  })

  it('shows a reset of the endpoint as a reset, not as an end', async () => {
    const port = await world.server((socket) => {
      socket.write('half of it')
      socket.once('data', () => socket.resetAndDestroy())
    })
    put([endpoint('a', port)])
    await eventually(async () => (await open(PORT, vip)).destroy())
    const socket = await open(PORT, vip)
    await once(socket, 'data')
    socket.write('go on')
    const [error] = await once(socket, 'error')
    expect(error).toMatchObject({ code: 'ECONNRESET' })
  })

  it('stays when its endpoint leaves, and new ones go elsewhere', async () => {
    const echoing = await world.server((socket) => socket.pipe(socket))
    const a = endpoint('a', echoing)
    put([a])
    await eventually(async () => (await open(PORT, vip)).destroy())
    const socket = await open(PORT, vip)
    put([{ ...a, ready: false, terminating: true }, endpoint('b', await world.naming('b'))])
    await answers('b')
    put([endpoint('b', await world.naming('b'))])
    socket.write('still here')
    expect(String((await once(socket, 'data'))[0])).toBe('still here')
    feed.remove('shop/web')
    await answers('ECONNREFUSED')
    socket.write('and here')
    expect(String((await once(socket, 'data'))[0])).toBe('and here')
  })

  it('carries 100 MB whole to a slow reader, and takes no more than it can pass on', async () => {
    const chunk = Buffer.alloc(1 << 20, 'roster')
    const sent = createHash('sha256')
    let sentMB = 0
    const send = (socket: Socket): void => {
      while (sentMB < 100) {
        sentMB++
        sent.update(chunk)
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    const port = await world.server((socket) => {
      socket.once('data', () => send(socket))
      socket.on('drain', () => send(socket))
    })
    put([endpoint('a', port)])
    await eventually(async () => (await open(PORT, vip)).destroy())
    const socket = await open(PORT, vip)
    socket.write('go')
    let [before, standing] = [0, 0]
    await eventually(() => {
      standing = sentMB > 0 && sentMB === before ? standing + 1 : 0
      before = sentMB
      return standing > 20
    })
    // What the kernel keeps for four sockets, and little else.
    expect(sentMB).toBeLessThan(40)
    const got = createHash('sha256')
    for await (const part of socket) got.update(part)
    expect(got.digest('hex')).toBe(sent.digest('hex'))
    expect(sentMB).toBe(100)
  })
})

describe('session affinity', () => {
  const affine = { sessionAffinity: 'ClientIP' }

  it('keeps a client with its endpoint, as long as that is there', async () => {
    const names = ['a', 'b', 'c', 'd']
    const ports = await Promise.all(names.map((name) => world.naming(name)))
    const all = names.map((name, n) => endpoint(name, ports[n] ?? 0))
    put(all, affine)
    await eventually(async () => expect(await read(PORT, vip)).toMatch(/[abcd]/))
    const usual = await read(PORT, vip)
    for (let n = 0; n < 20; n++) expect(await read(PORT, vip)).toBe(usual)
    put(
      all.filter(({ id }) => id !== usual),
      affine,
    )
    await eventually(async () => expect(await read(PORT, vip)).not.toBe(usual))
    const next = await read(PORT, vip)
    for (let n = 0; n < 20; n++) expect(await read(PORT, vip)).toBe(next)
    put(all, affine)
    for (let n = 0; n < 20; n++) expect(await read(PORT, vip)).toBe(next)
  })

  it('spreads clients', async () => {
    const [a, b] = [await world.naming('a'), await world.naming('b')]
    put([endpoint('a', a), endpoint('b', b)], affine)
    await eventually(async () => expect(await read(PORT, vip)).toMatch(/[ab]/))
    const found = new Set<string>()
    for (let n = 1; n < 40; n++) found.add(await read(PORT, vip, `127.0.1.${n}`))
    expect(found).toEqual(new Set(['a', 'b']))
  })
})

describe('the addresses', () => {
  it('are NodePorts and load balancer IPs too, of other machines at 127.97', async () => {
    const a = endpoint('a', await world.naming('a'))
    const nodePort = await freePort()
    const spec = { type: 'LoadBalancer', clusterIp: vip, ports: [{ port: PORT, nodePort }] }
    const tail = vip.split('.').slice(2).join('.')
    feed.put(serviceSet(spec, [a], { ingress: [{ ip: `192.0.${tail}` }] }))
    await answers('a', nodePort, '127.0.0.1')
    await answers('a', PORT, `127.97.${tail}`)
    expect(proxy.realIPs({ protocol: 'TCP', address: `192.0.${tail}`, port: PORT })).toEqual([
      `127.97.${tail}`,
    ])
  })

  it('let in at load balancer IPs whom the source ranges name', async () => {
    const ip = virtualIP('127.97')
    const spec = {
      type: 'LoadBalancer',
      clusterIp: vip,
      loadBalancerSourceRanges: ['127.0.7.0/24'],
    }
    const a = endpoint('a', await world.naming('a'))
    feed.put(serviceSet(spec, [a], { ingress: [{ ip }] }))
    await eventually(async () => expect(await read(PORT, ip, '127.0.7.1')).toBe('a'))
    expect(await read(PORT, ip, '127.0.8.1')).toBe('ECONNRESET')
    expect(await read(PORT, vip, '127.0.8.1')).toBe('a')
  })

  it('ask traffic policies: NodePorts keep to this node, insiders at load balancers do not', async () => {
    const ip = virtualIP('127.97')
    const nodePort = await freePort()
    const spec = {
      type: 'LoadBalancer',
      clusterIp: vip,
      externalTrafficPolicy: 'Local',
      ports: [{ port: PORT, nodePort }],
    }
    const far = endpoint('far', await world.naming('far'), { nodeName: 'n2' })
    feed.put(serviceSet(spec, [far], { ingress: [{ ip }] }))
    await answers('far', PORT, ip)
    expect(await read(nodePort, '127.0.0.1')).toBe('ECONNREFUSED')
  })

  it('are served as soon as they are free', async () => {
    const taken = createServer().listen(PORT, vip)
    await once(taken, 'listening')
    put([endpoint('a', await world.naming('a'))])
    await eventually(() => expect(complaints.join()).toContain(`TCP/${vip}:${PORT}`))
    taken.close()
    await answers('a')
  })
})

describe('UDP', () => {
  const udp = (id: string, port: number) => {
    const ports = [{ name: 'main', protocol: 'UDP', port, appProtocol: '' }]
    return endpoint(id, port, { ports })
  }
  const putUdp = (endpoints: Parameters<typeof put>[0], spec: SetOptions = {}) =>
    put(endpoints, { ports: [{ protocol: 'UDP' }], ...spec })

  it('goes to an endpoint and back, one for each client', async () => {
    const [a, b] = [await world.udpServer('a'), await world.udpServer('b')]
    putUdp([udp('a', a), udp('b', b)])
    const first = world.udpClient(vip, PORT)
    await eventually(async () => expect(await first.ask('x')).toMatch(/^[ab] x$/))
    const name = (await first.ask('y'))?.charAt(0)
    for (let n = 0; n < 5; n++) expect(await first.ask(`${n}`)).toBe(`${name} ${n}`)
    expect(await world.udpClient(vip, PORT).ask('z')).toBe(`${name === 'a' ? 'b' : 'a'} z`)
  })

  it('leaves an endpoint at once when that leaves', async () => {
    const [a, b] = [await world.udpServer('a'), await world.udpServer('b')]
    putUdp([udp('a', a)])
    const client = world.udpClient(vip, PORT)
    await eventually(async () => expect(await client.ask('x')).toBe('a x'))
    putUdp([udp('b', b)])
    expect(await client.ask('y')).toBe('b y')
  })

  it('finds another endpoint when nobody is at the first', async () => {
    putUdp([udp('x', DEAD_PORT), udp('a', await world.udpServer('a'))])
    const client = world.udpClient(vip, PORT)
    await eventually(async () => expect(await client.ask('x')).toBe('a x'))
  })

  it('keeps a client address with its endpoint when it has affinity', async () => {
    const names = ['a', 'b', 'c']
    const endpoints = names.map(async (name) => udp(name, await world.udpServer(name)))
    putUdp(await Promise.all(endpoints), { sessionAffinity: 'ClientIP' })
    const ask = () => world.udpClient(vip, PORT).ask('x')
    await eventually(async () => expect(await ask()).toMatch(/ x$/))
    const usual = await ask()
    for (let n = 0; n < 10; n++) expect(await ask()).toBe(usual)
  })
})

it('a health check node port tells whether this node has endpoints', async () => {
  const healthCheckNodePort = await freePort()
  const spec = {
    type: 'LoadBalancer',
    clusterIp: vip,
    externalTrafficPolicy: 'Local',
    healthCheckNodePort,
  }
  const check = () => fetch(`http://127.0.0.1:${healthCheckNodePort}/`)
  feed.put(serviceSet(spec, [endpoint('a', 1, { nodeName: 'n1' })]))
  await eventually(async () => expect((await check()).status).toBe(200))
  feed.put(serviceSet(spec, [endpoint('a', 1, { nodeName: 'n2' })]))
  const response = await check()
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({
    service: { namespace: 'shop', name: 'web' },
    localEndpoints: 0,
  })
})
