import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startAgent } from '@roster/agent'
import { connectRoster } from '@roster/client'
import { startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/checkout.ts'
import { eventually } from '../support/eventually.ts'
import { HaproxyWorld, hasHaproxy, Load } from '../support/haproxy-world.ts'
import { read } from '../support/proxy-world.ts'
import { freePort } from '../support/virtual-ip.ts'

let world: HaproxyWorld

beforeEach(async () => {
  world = await HaproxyWorld.make()
})
afterEach(() => world.end())

/** The configuration of docs/load-balancing.md, with other ports. */
async function recipe(ports: Readonly<Record<string, number | string>>): Promise<string> {
  const text = await readFile(join(root, 'docs/load-balancing.md'), 'utf8')
  const config = /```haproxy\n(.*?)```/s.exec(text)?.[1] ?? ''
  return Object.entries(ports).reduce(
    (changed, [from, to]) => changed.replace(`127.0.0.1:${from}`, `127.0.0.1:${to}`),
    config,
  )
}

/** Takes the place of a DNS server: hears eight queries, and answers none. */
async function silence(port: number): Promise<void> {
  const socket = createSocket('udp4')
  let queries = 0
  socket.on('message', () => queries++)
  socket.bind(port, '127.0.0.1')
  try {
    await eventually(() => queries >= 8)
  } finally {
    socket.close()
  }
}

describe.skipIf(!hasHaproxy)('the DNS recipe for HAProxy (skipped where there is none)', () => {
  it('follows pods, and goes on when there is nobody to ask', async () => {
    const registry = await startRegistry({
      data: ':memory:',
      listen: '127.0.0.1:0',
      logLevel: 'silent',
    })
    world.later(() => registry.stop())
    const dns = {
      listen: { host: '127.0.0.1', port: 0 },
      forward: [],
      clusterDomain: 'cluster.local',
      ttlSeconds: 5,
    }
    const agent = await startAgent({ registry: registry.address, logLevel: 'silent', dns })
    world.later(() => agent.stop())
    const roster = () => {
      const connection = connectRoster(registry.address)
      world.later(() => connection.close())
      return connection
    }
    await roster().catalog.applyService({
      service: {
        metadata: { namespace: 'demo', name: 'web-pods' },
        spec: {
          clusterIp: 'None',
          selector: { app: 'web' },
          ports: [{ name: 'http', port: 80, targetPort: 'http' }],
        },
      },
    })
    const pod = async (name: string) => {
      const ports = [{ name: 'http', containerPort: await world.naming(name) }]
      const owner = roster()
      const place = { namespace: 'demo', name, addresses: ['127.0.0.1'] }
      await owner.register({ ...place, labels: { app: 'web' }, ports }).ready
      return owner
    }
    await pod('web-1')
    const port = await freePort()
    await writeFile(
      world.config,
      await recipe({ 8080: port, 10053: agent.addresses.dns?.split(':')[1] ?? '' }),
    )
    const haproxy = spawn('haproxy', ['-db', '-f', world.config], { stdio: 'ignore' })
    world.later(() => haproxy.kill('SIGKILL'))
    await eventually(async () => expect(await read(port, '127.0.0.1')).toBe('web-1'))
    const load = new Load(port, '127.0.0.1', 2)
    const second = await pod('web-2')
    await eventually(() => load.answers.has('web-2'))
    await second.close()
    await eventually(async () => {
      const before = load.answers.get('web-2')
      await load.more(20)
      expect(load.answers.get('web-2')).toBe(before)
    })
    await agent.stop()
    await silence(Number(agent.addresses.dns?.split(':')[1]))
    await load.more(200)
    expect(await load.errors(['web-1', 'web-2'])).toEqual([])
  })
})
