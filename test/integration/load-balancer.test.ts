import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type AgentOptions, startAgent } from '@roster/agent'
import { connectRoster } from '@roster/client'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../cli/src/program.ts'
import { root } from '../support/checkout.ts'
import { eventually } from '../support/eventually.ts'
import { HaproxyWorld, hasHaproxy, Load } from '../support/haproxy-world.ts'
import { read } from '../support/proxy-world.ts'
import { freePort, virtualIP } from '../support/virtual-ip.ts'

type LoadBalancer = NonNullable<AgentOptions['loadBalancer']>

const PROGRAM = join(root, 'cli/dist/main.js')
const BIND = virtualIP('127.98')
const POOL = { defaultProvider: 'pool', pool: '127.97.0.0/28' } as const

let world: HaproxyWorld
let registry: RunningRegistry
let port: number

beforeEach(async () => {
  world = await HaproxyWorld.make()
  registry = await startRegistry({ data: ':memory:', listen: '127.0.0.1:0', logLevel: 'silent' })
  world.later(() => registry.stop())
  port = await freePort()
})
afterEach(() => world.end())

async function agent(loadBalancer: LoadBalancer) {
  const running = await startAgent({ registry: registry.address, logLevel: 'silent', loadBalancer })
  world.later(() => running.stop())
  return running
}

const roster = () => {
  const connection = connectRoster(registry.address)
  world.later(() => connection.close())
  return connection
}

/** Applies service demo/NAME of type LoadBalancer, or another, for pods with label app=web. */
const apply = (name: string, spec: Readonly<Record<string, unknown>> = {}) =>
  roster().catalog.applyService({
    service: {
      metadata: { namespace: 'demo', name },
      spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port }], ...spec },
    },
  })

/** A pod behind the services; answers with its name. */
async function pod(name: string) {
  const containerPort = await world.naming(name)
  const owner = roster()
  const targets = { addresses: ['127.0.0.1'], ports: [{ name: 'web', containerPort }] }
  await owner.register({ namespace: 'demo', name, labels: { app: 'web' }, ...targets }).ready
  return owner
}

const service = async (name: string) =>
  (await roster().catalog.getService({ namespace: 'demo', name })).service

const ingress = async (name: string) =>
  (await service(name))?.status?.loadBalancer?.ingress.map(({ ip }) => ip) ?? []

const hasIngress = (name: string) =>
  eventually(async () => expect(await ingress(name)).toHaveLength(1))

/** What `roster get services` prints. */
async function getServices(): Promise<string> {
  let text = ''
  await run(['get', 'services', '-n', 'demo'], {
    env: { ROSTER_REGISTRY: registry.address },
    now: () => Date.now(),
    out: (part) => {
      text += part
    },
    err: () => undefined,
    input: async () => '',
    stopSignal: () => new AbortController().signal,
  })
  return text
}

describe('an agent with load balancing', () => {
  it('gives a service an address, which `roster get` shows', async () => {
    await agent(POOL)
    await apply('web')
    await hasIngress('web')
    const [ip = 'none'] = await ingress('web')
    expect(ip).toMatch(/^127\.97\.0\.\d+$/)
    expect(await getServices()).toMatch(new RegExp(`^web +LoadBalancer +\\S+ +${ip} `, 'm'))
  })

  it('leaves a service of a class nobody here has alone', async () => {
    await agent(POOL)
    await apply('cloudy', { loadBalancerClass: 'example.org/cloud' })
    await apply('web', { loadBalancerClass: 'roster.dev/pool' })
    await hasIngress('web')
    expect(await ingress('cloudy')).toEqual([])
  })

  it('leaves a service without class alone when no provider is the default', async () => {
    await agent({ ...POOL, defaultProvider: 'none' })
    await apply('classless')
    await apply('web', { loadBalancerClass: 'roster.dev/pool' })
    await hasIngress('web')
    expect(await ingress('classless')).toEqual([])
  })

  it('has an address to give again when a service no longer wants one', async () => {
    await agent({ ...POOL, pool: '127.97.0.1/32' })
    await apply('web')
    await hasIngress('web')
    await apply('api')
    await apply('web', { type: 'ClusterIP' })
    await hasIngress('api')
    expect(await ingress('web')).toEqual([])
  })

  it('shares a pool with other agents: no address is given twice, and writing ends', async () => {
    await Promise.all([agent(POOL), agent(POOL), agent(POOL)])
    const names = [...Array(14).keys()].map((n) => `web-${n}`)
    await Promise.all(names.map((name) => apply(name)))
    const given = async () => (await Promise.all(names.map(ingress))).flat()
    await eventually(async () => expect(new Set(await given()).size).toBe(names.length))
    // What an agent still has to say it says before it takes notice of one more change.
    await apply('last', { loadBalancerClass: 'example.org/cloud' })
    const before = (await roster().catalog.listServices({})).revision
    await apply('web-0', { type: 'ClusterIP' })
    await apply('web-0')
    await hasIngress('web-0')
    // Two applies, and one status.
    expect((await roster().catalog.listServices({})).revision - before).toBe(3)
  })
})

/** `roster agent` as a process, and what it prints. */
function agentProcess(...args: readonly string[]): ChildProcess {
  const flags = ['--registry', registry.address, '--dns-listen', 'off', '--snapshot', 'off']
  const child = spawn(process.execPath, [PROGRAM, 'agent', ...flags, ...args], { stdio: 'ignore' })
  world.later(() => child.kill('SIGKILL'))
  return child
}

describe.skipIf(!hasHaproxy)('HAProxy under an agent (skipped where it is not installed)', () => {
  const haproxy = () => ({
    loadBalancerClass: 'roster.dev/haproxy',
    binds: [BIND],
    config: world.config,
    hasChecks: false,
  })

  it('takes services of its class, beside the pool', async () => {
    await agent({ ...POOL, haproxy: haproxy() })
    await pod('web-1')
    await apply('web', {
      loadBalancerClass: 'roster.dev/haproxy',
      ports: [{ port, targetPort: 'web' }],
    })
    await apply('api')
    await hasIngress('web')
    await hasIngress('api')
    expect(await ingress('web')).toEqual([BIND])
    expect(await ingress('api')).not.toEqual([BIND])
    expect(await read(port, BIND)).toBe('web-1')
  })

  it('fails no connection while pods register and leave', async () => {
    await agent({ defaultProvider: 'haproxy', haproxy: haproxy() })
    await pod('web-1')
    await apply('web', { ports: [{ port, targetPort: 'web' }] })
    await hasIngress('web')
    const load = new Load(port, BIND)
    for (const name of ['web-2', 'web-3']) {
      const owner = await pod(name)
      await eventually(() => load.answers.has(name))
      await owner.close()
      await load.more(20)
    }
    expect(await load.errors(['web-1', 'web-2', 'web-3'])).toEqual([])
  })

  it('goes on when the agent is killed, and the next agent takes it over', async () => {
    const flags = ['--load-balancer', '--lb-default', 'haproxy', '--haproxy-bind', BIND]
    const first = agentProcess(...flags, '--haproxy-config', world.config)
    await pod('web-1')
    await apply('web', { ports: [{ port, targetPort: 'web' }] })
    await hasIngress('web')
    const pid = await world.masterPid()
    const load = new Load(port, BIND)
    first.kill('SIGKILL')
    await once(first, 'exit')
    await load.more(20)
    await pod('web-2')
    const second = agentProcess(...flags, '--haproxy-config', world.config)
    await eventually(() => load.answers.has('web-2'))
    second.kill('SIGTERM')
    await once(second, 'exit')
    await load.more(20)
    expect(await load.errors(['web-1', 'web-2'])).toEqual([])
    expect(await world.masterPid()).toBe(pid)
  })
})
