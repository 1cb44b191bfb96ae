import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { NetWorld, type Peer, whyNoNetWorld } from '../support/net-world.ts'
import { endpoint, serviceSet } from '../support/service-feed.ts'

const reason = whyNoNetWorld()
if (reason) process.stderr.write(`skipped: ${reason}\n`)

const PORT = 8080
/** Three backends, on both address families. */
const BACKENDS = { a: 2, b: 3, c: 4 } as const
/** Namespaces are made slowly on a busy machine. */
const TIMEOUT_MS = 60_000

let world: NetWorld
let client: Peer
let agent: Peer
const backends = new Map<string, Peer>()

beforeAll(async () => {
  if (reason) return
  world = await NetWorld.start()
  client = await world.peer(1)
  for (const [name, number] of Object.entries(BACKENDS)) {
    const backend = await world.peer(number)
    await backend.ask('serve', { name, port: PORT })
    backends.set(name, backend)
  }
  agent = await world.agent({ serviceRanges: ['10.96.0.0/16', 'fd00:96::/64'] })
}, TIMEOUT_MS)

afterAll(() => world?.end())

const at = (name: keyof typeof BACKENDS, own: Parameters<typeof endpoint>[2] = {}) =>
  endpoint(name, PORT, {
    addresses: [`10.${BACKENDS[name]}.0.2`, `fd00:${BACKENDS[name]}::2`],
    nodeName: name === 'a' ? 'n1' : 'n2',
    ...own,
  })
const all = [at('a'), at('b'), at('c')]

let services = 0
type Rest = Parameters<typeof serviceSet>

/** A service of its own, in force when it resolves; its ClusterIP, and how to put it again. */
async function serve(spec: Rest[0], endpoints: Rest[1], status: Rest[2] = {}) {
  const number = ++services
  const clusterIp = spec.clusterIp ?? `10.96.0.${number}`
  const put = async (newEndpoints: Rest[1], newSpec: Rest[0] = {}) => {
    const whole = { clusterIp, ports: [{ port: 80 }], ...spec, ...newSpec }
    const set = serviceSet(whole, newEndpoints, { name: `shop/web${number}`, ...status })
    await agent.ask('change', { changed: [set], removed: [] })
  }
  await put(endpoints)
  return { host: clusterIp, put }
}

const read = (from: Peer, host: string, port = 80) => from.ask<string>('read', { host, port })
const readMany = (from: Peer, host: string, times: number, port = 80) =>
  from.ask<Record<string, number>>('readMany', { host, port, times })

describe.skipIf(reason)('nftables', () => {
  it('carries a ClusterIP to the backends, which see the client', async () => {
    const { host } = await serve({}, all)
    expect(await read(client, host)).toMatch(/^[abc] 10\.1\.0\.2$/)
    expect(Object.keys(await readMany(client, host, 60)).sort()).toEqual(['a', 'b', 'c'])
  })

  it('carries the calls of the node itself', async () => {
    const { host } = await serve({}, all)
    expect(await read(world.node, host)).toMatch(/^[abc] /)
  })

  it('carries IPv6', async () => {
    const { host } = await serve({ clusterIp: 'fd00:96::10' }, all)
    expect(await read(client, host)).toMatch(/^[abc] fd00:1::2$/)
    expect(await read(client, host, 81)).toBe('ECONNREFUSED')
    expect(await read(world.node, host)).toMatch(/^[abc] /)
  })

  it('spreads connections by weight', async () => {
    const { host } = await serve({}, [at('a', { weight: 300 }), at('b'), at('c', { weight: 0 })])
    const { a = 0, b = 0, ...others } = await readMany(client, host, 400)
    expect(others).toEqual({})
    // Expected 300 of 400; a deviation beyond six times the standard one of 8.7 is no chance.
    expect(Math.abs(a - 300)).toBeLessThan(52)
    expect(a + b).toBe(400)
  })

  it('lets a backend reach itself through the service', async () => {
    const { host } = await serve({}, [at('a')])
    expect(await read(backends.get('a')!, host)).toBe('a 10.2.0.1')
  })

  it('refuses a port the service does not have, and drops what nobody has', async () => {
    const { host } = await serve({}, all)
    expect(await read(client, host, 81)).toBe('ECONNREFUSED')
    expect(await read(client, '10.96.255.1')).toBe('ETIMEDOUT')
  })

  it('refuses at once while there are no endpoints, and again when there are none any more', async () => {
    const ports = [{ port: 80, nodePort: 30_001 }]
    const { host, put } = await serve({ type: 'NodePort', ports }, [])
    const outcomes = async () => [
      await read(client, host),
      await read(world.node, host),
      await read(client, '10.1.0.1', 30_001),
    ]
    expect(await outcomes()).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'])
    await put([at('a')])
    expect(await outcomes()).toEqual(['a 10.1.0.2', 'a 10.1.0.1', 'a 10.2.0.1'])
    await put([])
    expect(await outcomes()).toEqual(['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'])
  })

  it('opens node ports at the addresses of the node, and hides the client', async () => {
    await serve({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_002 }] }, all)
    expect(await read(client, '10.1.0.1', 30_002)).toMatch(/^[abc] 10\.[234]\.0\.1$/)
    expect(await read(client, 'fd00:1::1', 30_002)).toBe('ECONNREFUSED')
  })

  it('carries load balancer IPs, and lets in whom the source ranges name', async () => {
    const ip = '203.0.113.1'
    const spec = { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.1.0.0/16', '10.1.0.0/24'] }
    const { host } = await serve(spec, [at('a')], { ingress: [{ ip }] })
    expect(await read(client, ip)).toBe('a 10.2.0.1')
    expect(await read(backends.get('b')!, ip)).toBe('ETIMEDOUT')
    expect(await read(backends.get('b')!, host)).toBe('a 10.3.0.2')
  })

  it('keeps to its own node with externalTrafficPolicy Local, and shows the client', async () => {
    const ports = [{ port: 80, nodePort: 30_003 }]
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports }
    const ingress = [{ ip: '203.0.113.2' }]
    const { put } = await serve(spec, all, { ingress })
    expect(await readMany(client, '203.0.113.2', 10)).toEqual({ a: 10 })
    expect(await read(client, '10.1.0.1', 30_003)).toBe('a 10.1.0.2')
    await put([at('b')])
    expect(await read(client, '203.0.113.2')).toBe('ETIMEDOUT')
    // Programs of the node itself are not bound by it.
    expect(await read(world.node, '203.0.113.2')).toBe('b 10.3.0.1')
    await put([at('a')], { externalTrafficPolicy: 'Cluster' })
    expect(await read(client, '10.1.0.1', 30_003)).toBe('a 10.2.0.1')
    await put([at('a')])
    expect(await read(client, '10.1.0.1', 30_003)).toBe('a 10.1.0.2')
  })

  it('keeps a client with its backend when the service has session affinity', async () => {
    const { host, put } = await serve({ sessionAffinity: 'ClientIP' }, all)
    const usual = (await read(client, host)).charAt(0)
    expect(await readMany(client, host, 20)).toEqual({ [usual]: 20 })
    const others = all.filter(({ id }) => id !== usual)
    await put(others)
    const next = (await read(client, host)).charAt(0)
    expect(next).not.toBe(usual)
    await put(all)
    expect(await readMany(client, host, 20)).toEqual({ [next]: 20 })
  })

  it('spreads clients when the service has session affinity', async () => {
    const { host } = await serve({ sessionAffinity: 'ClientIP' }, all)
    await world.run(client, 'for n in $(seq 10 59); do ip addr add 10.1.0.$n/24 dev eth0; done')
    const names = new Set<string>()
    for (let n = 10; n < 60; n++) {
      const answer = await client.ask<string>('read', { host, port: 80, from: `10.1.0.${n}` })
      names.add(answer.charAt(0))
    }
    expect([...names].sort()).toEqual(['a', 'b', 'c'])
  })

  it('answers at the health check node port whether the node has endpoints', async () => {
    const spec = {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 30_004,
    }
    const { put } = await serve(spec, [at('a')])
    const status = async () => {
      const request = `exec 3<>/dev/tcp/10.1.0.1/30004; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3`
      return (await world.run(client, `bash -c "${request}"`)).split(' ')[1]
    }
    await eventually(async () => expect(await status()).toBe('200'))
    await put([at('b')])
    expect(await status()).toBe('503')
  })

  it('takes an endpoint with an unusable address for none, and carries the others', async () => {
    const odd = endpoint('odd', PORT, { addresses: ['not-an-address'] })
    const { host } = await serve({}, [odd, at('b')])
    expect(await readMany(client, host, 5)).toEqual({ b: 5 })
  })
})
