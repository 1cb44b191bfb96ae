import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { NetWorld, type Peer, whyNoNetWorld } from '../support/net-world.ts'
import { endpoint, serviceSet } from '../support/service-feed.ts'

const reason = whyNoNetWorld()
if (reason) process.stderr.write(`skipped: ${reason}\n`)

const PORT = 8080
const HOST = '10.96.0.1'
const VIP = { host: HOST, port: 80 }
const BACKENDS = { a: 2, b: 3, c: 4 } as const
const UPDATES = 100
/** Namespaces and processes start slowly on a busy machine. */
const TIMEOUT_MS = 60_000

let world: NetWorld
let client: Peer
let agent: Peer

beforeAll(async () => {
  if (reason) return
  world = await NetWorld.start()
  client = await world.peer(1)
  for (const [name, number] of Object.entries(BACKENDS)) {
    const backend = await world.peer(number)
    await backend.ask('serve', { name, port: PORT })
    await backend.ask('serveUdp', { name, port: PORT })
  }
}, TIMEOUT_MS)

afterAll(() => world?.end())

beforeEach(async () => {
  if (agent?.isRunning) return
  agent = await world.agent()
})

const at = (name: keyof typeof BACKENDS, protocol = 'TCP') =>
  endpoint(name, PORT, { addresses: [`10.${BACKENDS[name]}.0.2`], protocol })
const all = [at('a'), at('b'), at('c')]
const UDP = { protocol: 'UDP', port: 53, nodePort: 30_053 }

type Rest = Parameters<typeof serviceSet>

const put = (endpoints: Rest[1], spec: Rest[0] = {}, name = 'shop/web') =>
  agent.ask('change', {
    changed: [serviceSet({ clusterIp: HOST, ports: [{ port: 80 }], ...spec }, endpoints, { name })],
    removed: [],
  })
const putUdp = (endpoints: Rest[1]) =>
  put(endpoints, { type: 'NodePort', clusterIp: '10.96.0.53', ports: [UDP] }, 'shop/dns')
const remove = (name: string) => agent.ask('change', { changed: [], removed: [name] })

const read = () => client.ask<string>('read', VIP)

/** Connects all the time while `act` runs; how often which outcome came of it. */
async function underLoad(act: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.ask('startLoad', { ...VIP, callers: 2 })
  await act()
  return client.ask('endLoad')
}

const heldCount = async () => (await client.ask<{ received: number }>('counts')).received

/** Waits until the connections held have carried some more. */
async function carriedOn(): Promise<void> {
  const before = await heldCount()
  await eventually(async () => (await heldCount()) > before + 50)
}

describe.skipIf(reason)('nftables', () => {
  it(
    'updates while callers connect all the time, and fails none of them',
    async () => {
      await put(all)
      const outcomes = await underLoad(async () => {
        for (let n = 0; n < UPDATES; n++) {
          // Another service, and another endpoint of the one that is called.
          await put([at('a')], { clusterIp: `10.96.1.${n}` }, `shop/other${n % 7}`)
          await put(all.filter((_, index) => index !== n % 3))
        }
      })
      const { a = 0, b = 0, c = 0, ...failures } = outcomes
      expect(failures).toEqual({})
      expect(a + b + c).toBeGreaterThan(UPDATES)
    },
    2 * TIMEOUT_MS,
  )

  it('loses nothing on open connections when their endpoint leaves', async () => {
    await put([at('a')])
    await client.ask('hold', { ...VIP, count: 12 })
    await put([at('b')])
    expect(await read()).toMatch(/^b /)
    await carriedOn()
    await remove('shop/web')
    expect(await read()).not.toMatch(/^[abc] /)
    await carriedOn()
    expect(await client.ask('release')).toMatchObject({ lost: 0, problems: [] })
  })

  it(
    'loses nothing when the agent is killed and another takes over',
    async () => {
      await put(all)
      await client.ask('hold', { ...VIP, count: 12 })
      await agent.end('SIGKILL')
      await carriedOn()
      expect(await read()).toMatch(/^[abc] /)
      const outcomes = await underLoad(async () => {
        agent = await world.agent()
        await put(all)
        await carriedOn()
      })
      const { a = 0, b = 0, c = 0, ...failures } = outcomes
      expect(failures).toEqual({})
      expect(a + b + c).toBeGreaterThan(0)
      expect(await client.ask('release')).toMatchObject({ lost: 0, problems: [] })
    },
    TIMEOUT_MS,
  )

  it('takes away what a former agent left, and keeps what it remembered of clients', async () => {
    const affine = { sessionAffinity: 'ClientIP' }
    await put(all, affine)
    await put(all, { clusterIp: '10.96.0.2' }, 'shop/old')
    const usual = (await read()).charAt(0)
    await agent.end('SIGKILL')
    agent = await world.agent()
    await put(all, affine)
    const rules = await world.run(world.node, 'nft list table ip roster')
    expect(rules).not.toContain('10.96.0.2/')
    const outcomes = await client.ask('readMany', { ...VIP, times: 20 })
    expect(outcomes).toEqual({ [usual]: 20 })
  })

  it('makes the rules anew when nft refuses a change, because somebody flushed them', async () => {
    await put([at('a')])
    await world.run(world.node, 'nft flush ruleset')
    await put([at('b')])
    expect(await read()).toMatch(/^b /)
    expect(agent.logs.map(({ level }) => level)).toContain('error')
  })

  it('makes the rules anew when somebody removed them, without any change', async () => {
    await agent.end()
    agent = await world.agent({ lookIntervalMs: 500 })
    await put([at('a')])
    await world.run(world.node, 'nft flush ruleset')
    await eventually(async () => expect(await read()).toMatch(/^a /))
    await agent.end()
  })

  it('hides every client where the node is not on the way back', async () => {
    await put([at('a')])
    expect(await read()).toBe('a 10.1.0.2')
    await agent.end()
    agent = await world.agent({ masquerade: 'all' })
    await put([at('a')])
    expect(await read()).toBe('a 10.2.0.1')
    await agent.end()
  })

  it('refuses a second agent in the namespace, and tells whose it is', async () => {
    const second = world.agent().catch(({ message }) => message)
    expect(await second).toContain(`another agent (node n1, process ${agent.child.pid})`)
  })

  it('leaves a table of that name alone that is not its own', async () => {
    await agent.end()
    await world.run(world.node, 'nft flush ruleset && nft add table ip roster')
    agent = await world.agent()
    void put(all)
    await eventually(() =>
      expect(agent.logs).toMatchObject([
        { level: 'error', reason: expect.stringContaining('not of a Roster agent') },
      ]),
    )
    await agent.end()
    await world.run(world.node, 'nft flush ruleset')
  })
})

describe.skipIf(reason)('a UDP client', () => {
  const ask = (host = '10.96.0.53', port = UDP.port) =>
    client.ask<string>('askUdp', { socket: `to ${host}`, host, port, text: 'x' })
  const udp = (name: keyof typeof BACKENDS) => at(name, 'UDP')

  it('gets answers of the new endpoint at once when its own is replaced', async () => {
    await putUdp([udp('a')])
    expect([await ask(), await ask('10.1.0.1', UDP.nodePort)]).toEqual(['a x', 'a x'])
    await putUdp([udp('b')])
    expect([await ask(), await ask('10.1.0.1', UDP.nodePort)]).toEqual(['b x', 'b x'])
  })

  it('gets none when the last endpoint leaves, and again when there is one', async () => {
    await putUdp([udp('a')])
    expect(await ask()).toBe('a x')
    await putUdp([])
    expect(await ask()).not.toMatch(/^a/)
    await putUdp([udp('b')])
    expect(await ask()).toBe('b x')
  })

  it('gets none when the service is deleted', async () => {
    await putUdp([udp('a')])
    expect(await ask()).toBe('a x')
    await remove('shop/dns')
    expect(await ask()).not.toMatch(/^a/)
  })

  it('that called before there was such a service reaches it as soon as it is there', async () => {
    await remove('shop/dns')
    expect(await ask()).not.toMatch(/^[ab]/)
    await putUdp([udp('b')])
    expect(await ask()).toBe('b x')
  })

  it('leaves an endpoint that was replaced while no agent was there', async () => {
    await putUdp([udp('a')])
    expect(await ask()).toBe('a x')
    await agent.end('SIGKILL')
    agent = await world.agent()
    await putUdp([udp('b')])
    expect(await ask()).toBe('b x')
  })
})
