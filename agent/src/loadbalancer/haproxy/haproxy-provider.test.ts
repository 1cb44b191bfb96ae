import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { HaproxyWorld, hasHaproxy, Load } from '../../../../test/support/haproxy-world.ts'
import { read } from '../../../../test/support/proxy-world.ts'
import { endpoint, serviceSet } from '../../../../test/support/service-feed.ts'
import { freePort, virtualIP } from '../../../../test/support/virtual-ip.ts'
import { type BalancedService, balancedService } from '../balanced-service.ts'
import { type HaproxyOptions, HaproxyProvider } from './haproxy-provider.ts'
import { Master } from './master.ts'

const log = pino({ level: 'silent' })
const BIND = virtualIP('127.98')

let world: HaproxyWorld
let port: number

beforeEach(async () => {
  world = await HaproxyWorld.make()
  port = await freePort()
})
afterEach(() => world.end())

/** A provider that starts its own HAProxy, unless the test says otherwise. */
async function provider(own: Partial<HaproxyOptions> = {}): Promise<HaproxyProvider> {
  const options = {
    loadBalancerClass: 'roster.dev/haproxy',
    binds: [BIND],
    config: world.config,
    hasChecks: false,
    ...own,
  }
  const started = await HaproxyProvider.open(options, { node: '', zone: '' }, log)
  world.later(() => started.close())
  return started
}

/** Service shop/web, with one backend for each port. */
function service(
  backends: readonly number[],
  spec: Parameters<typeof serviceSet>[0] = {},
  name = 'shop/web',
): BalancedService {
  const endpoints = backends.map((backend) => endpoint(`${backend}`, backend))
  const set = serviceSet({ type: 'LoadBalancer', ports: [{ port }], ...spec }, endpoints, { name })
  return balancedService(set)!
}

const naming = (...names: readonly string[]) => Promise.all(names.map((name) => world.naming(name)))

/** Whose answers `calls` connections in a row get. */
async function answers(calls: number, ...from: readonly string[]): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for (let i = 0; i < calls; i++) names.add(await read(port, BIND, ...from))
  return names
}

describe.skipIf(!hasHaproxy)('HAProxy as a provider (skipped where it is not installed)', () => {
  it('carries a service to all its endpoints, and says where', async () => {
    const haproxy = await provider()
    await haproxy.sync([])
    const ensured = await haproxy.ensure(service(await naming('a', 'b')))
    expect(ensured).toEqual({ ingress: [{ ip: BIND, hostname: '', ipMode: 'Proxy' }] })
    expect(await answers(4)).toEqual(new Set(['a', 'b']))
  })

  it('fails no connection while endpoints come and go', async () => {
    const names = ['a', 'b', 'c', 'd']
    const ports = await naming(...names)
    const haproxy = await provider()
    await haproxy.sync([service(ports)])
    const load = new Load(port, BIND)
    for (let round = 0; round < 20; round++) {
      const gone = round % names.length
      await haproxy.updateBackends(service(ports.filter((_, i) => i !== gone)))
      await load.more(20)
    }
    expect(await load.errors(names)).toEqual([])
    expect(load.answers.size).toBe(names.length)
  })

  it('gives an endpoint that left no connection any more, and lets those it has end', async () => {
    const [a = 0, b = 0] = [
      await world.server((socket) => socket.pipe(socket)),
      ...(await naming('b')),
    ]
    const haproxy = await provider()
    await haproxy.sync([service([a])])
    const open = connect(port, BIND)
    world.later(() => open.destroy())
    open.write('before ')
    await once(open, 'data')
    await haproxy.updateBackends(service([b]))
    expect(await answers(6)).toEqual(new Set(['b']))
    open.write('after')
    const [echoed] = await once(open, 'data')
    expect(`${echoed}`).toBe('after')
  })

  it('deletes an endpoint that left when its last connection has ended', async () => {
    const [a = 0] = [await world.server((socket) => socket.pipe(socket))]
    const haproxy = await provider()
    await haproxy.sync([service([a])])
    const open = connect(port, BIND)
    open.write('before ')
    await once(open, 'data')
    await haproxy.updateBackends(service([]))
    const servers = async () => (await new Master(`${world.config}.master`).read())?.servers ?? []
    await eventually(async () =>
      expect((await servers()).map((one) => one.state)).toEqual(['maint']),
    )
    open.destroy()
    await eventually(async () => expect(await servers()).toEqual([]))
  })

  it('fails no connection when services come and go, by reloads', async () => {
    const [a = 0, b = 0] = await naming('a', 'b')
    const haproxy = await provider()
    await haproxy.sync([service([a])])
    const load = new Load(port, BIND)
    await load.more(20)
    const other = await freePort()
    for (let round = 0; round < 3; round++) {
      await haproxy.ensure(service([b], { ports: [{ port: other }] }, 'shop/other'))
      expect(await read(other, BIND)).toBe('b')
      await haproxy.ensureDeleted('shop/other')
      expect(await read(other, BIND)).toBe('ECONNREFUSED')
      await load.more(20)
    }
    expect(await load.errors(['a'])).toEqual([])
  })

  it('lets clients in by their networks', async () => {
    const haproxy = await provider()
    const ranges = ['127.0.0.7/32', '192.0.2.0/24']
    await haproxy.sync([service(await naming('a'), { loadBalancerSourceRanges: ranges })])
    expect(await answers(1, '127.0.0.7')).toEqual(new Set(['a']))
    expect(await answers(1, '127.0.0.8')).not.toContain('a')
  })

  it('lets in by one of many networks', async () => {
    const haproxy = await provider()
    const many = Array.from({ length: 120 }, (_, i) => `192.0.2.${i}/32`)
    const ranges = [...many, '127.0.0.7/32']
    await haproxy.sync([service(await naming('a'), { loadBalancerSourceRanges: ranges })])
    expect(await answers(1, '127.0.0.7')).toEqual(new Set(['a']))
    expect(await answers(1, '127.0.0.8')).not.toContain('a')
  })

  it('divides connections by weight', async () => {
    const [a = 0, b = 0] = await naming('a', 'b')
    const endpoints = [endpoint('a', a, { weight: 3_000 }), endpoint('b', b, { weight: 1_000 })]
    const set = serviceSet({ type: 'LoadBalancer', ports: [{ port }] }, endpoints)
    const haproxy = await provider()
    await haproxy.sync([balancedService(set)!])
    const got = { a: 0, b: 0 }
    for (let i = 0; i < 40; i++) got[(await read(port, BIND)) as 'a' | 'b']++
    expect(got.a).toBeGreaterThanOrEqual(28)
    expect(got.b).toBeGreaterThanOrEqual(8)
  })

  it('follows a weight that changes, without a reload', async () => {
    const [a = 0, b = 0] = await naming('a', 'b')
    const weighted = (weight: number) => {
      const endpoints = [endpoint('a', a, { weight: 200 }), endpoint('b', b, { weight })]
      return balancedService(serviceSet({ type: 'LoadBalancer', ports: [{ port }] }, endpoints))!
    }
    const haproxy = await provider()
    await haproxy.sync([weighted(200)])
    await haproxy.updateBackends(weighted(2))
    const got = { a: 0, b: 0 }
    for (let i = 0; i < 60; i++) got[(await read(port, BIND)) as 'a' | 'b']++
    expect(got.a).toBeGreaterThan(50)
  })

  it('keeps a client at its server, until that leaves', async () => {
    const [a = 0, b = 0, c = 0] = await naming('a', 'b', 'c')
    const sticky = { sessionAffinity: 'ClientIP' }
    const haproxy = await provider()
    await haproxy.sync([service([a, b, c], sticky)])
    const [first] = await answers(1)
    expect(await answers(9)).toEqual(new Set([first]))
    const others = [a, b, c].filter((_, i) => ['a', 'b', 'c'][i] !== first)
    await haproxy.updateBackends(service(others, sticky))
    const after = await answers(9)
    expect(after.size).toBe(1)
    expect(after).not.toContain(first)
  })

  it('tries another endpoint when one does not answer', async () => {
    const haproxy = await provider()
    await haproxy.sync([service([...(await naming('a')), 1])])
    expect(await answers(8)).toEqual(new Set(['a']))
  })

  it('outlives its provider, and is taken over by the next one as it is', async () => {
    const names = ['a', 'b']
    const [a = 0, b = 0] = await naming(...names)
    const first = await provider()
    await first.sync([service([a])])
    const pid = await world.masterPid()
    const load = new Load(port, BIND)
    await first.close()
    await load.more(20)
    const second = await provider()
    await second.sync([service([b])])
    await load.more(20)
    expect(await answers(4)).toEqual(new Set(['b']))
    expect(await load.errors(names)).toEqual([])
    expect(await world.masterPid()).toBe(pid)
  })

  it('is started again when it dies', async () => {
    const haproxy = await provider()
    await haproxy.sync([service(await naming('a'))])
    const pid = await world.masterPid()
    await world.killHaproxy()
    await eventually(async () => expect(await answers(1)).toEqual(new Set(['a'])))
    expect(await world.masterPid()).not.toBe(pid)
    await eventually(() => haproxy.health() === undefined)
  })

  it('goes on with the others when a port belongs to another program', async () => {
    const [a = 0] = await naming('a')
    const other = await world.naming('another program')
    const haproxy = await provider({ binds: ['127.0.0.1', BIND] })
    await haproxy.sync([])
    const [web, taken] = await Promise.all([
      haproxy.ensure(service([a])),
      haproxy.ensure(
        service([a], { ports: [{ port: other }], loadBalancerIp: '127.0.0.1' }, 'shop/taken'),
      ),
    ])
    expect(web.ingress.map(({ ip }) => ip)).toEqual(['127.0.0.1'])
    expect(taken.problem).toBe(`127.0.0.1:${other} is not to be listened at (EADDRINUSE)`)
    expect(taken.ingress).toEqual([])
    expect(await read(port, '127.0.0.1')).toBe('a')
  })

  it('checks endpoints where it is asked to', async () => {
    const [a = 0, b = 0] = await naming('a', 'b')
    const haproxy = await provider({ hasChecks: true })
    await haproxy.sync([service([a])])
    await haproxy.updateBackends(service([a, b]))
    expect(await answers(4)).toEqual(new Set(['a', 'b']))
  })

  /** A provider for an HAProxy that the test starts, once there is a configuration. */
  async function elsewhere() {
    const masterSocket = join(world.directory, 'master')
    const own = join(world.directory, 'own.cfg')
    const socket = `stats socket ${join(world.directory, 'stats')} level admin expose-fd listeners`
    await writeFile(own, `global\n  ${socket}\n`)
    const haproxy = await provider({ masterSocket })
    const start = () => {
      const files = ['-p', `${world.config}.pid`, '-f', own, '-f', world.config]
      const master = spawn('haproxy', ['-W', '-S', masterSocket, ...files], { stdio: 'ignore' })
      world.later(() => master.kill('SIGKILL'))
    }
    return { haproxy, masterSocket, start }
  }

  it('uses one that somebody else started', async () => {
    const { haproxy, masterSocket, start } = await elsewhere()
    await expect(haproxy.sync([])).rejects.toThrow(
      `no HAProxy at ${masterSocket}: start it with -f`,
    )
    start()
    const wanted = service(await naming('a'))
    await eventually(() => haproxy.ensure(wanted).then(() => true))
    expect(await answers(2)).toEqual(new Set(['a']))
  })

  it('goes on with the endpoints of the others when HAProxy refuses a service', async () => {
    const [a = 0, b = 0] = await naming('a', 'b')
    const other = createServer().listen(0, BIND)
    world.later(() => other.close())
    await once(other, 'listening')
    const ports = [{ port: (other.address() as AddressInfo).port }]
    const { haproxy, start } = await elsewhere()
    await haproxy.sync([]).catch(() => undefined)
    start()
    await eventually(() => haproxy.ensure(service([a])).then(() => true))
    const refused = haproxy.ensure(service([a], { ports }, 'shop/taken'))
    await expect(refused).rejects.toThrow('HAProxy refused its configuration')
    await haproxy.updateBackends(service([b])).catch(() => undefined)
    expect(await answers(4)).toEqual(new Set(['b']))
    expect(haproxy.health()).toBe('HAProxy refused its configuration')
  })
})
