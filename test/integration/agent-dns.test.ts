import { execFile, spawnSync } from 'node:child_process'
import { Resolver } from 'node:dns/promises'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type AgentOptions, startAgent } from '@roster/agent'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/checkout.ts'
import { eventually } from '../support/eventually.ts'
import { SdkWorld } from '../support/sdk-world.ts'

const run = promisify(execFile)
const PROGRAM = join(root, 'cli/dist/main.js')

/** Whether this machine has a program, and lets us use it so. */
function works(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0
}

let world = new SdkWorld()
let registry: Awaited<ReturnType<SdkWorld['registry']>>
let snapshotFile = ''

beforeEach(async () => {
  registry = await world.registry()
  snapshotFile = `${await world.file()}.json`
})
afterEach(async () => {
  await world.close()
  world = new SdkWorld()
})

/** An agent with DNS, and a resolver (c-ares) that asks it. */
async function agent(own: Partial<AgentOptions> = {}) {
  const running = await startAgent({
    registry: registry.address,
    logLevel: 'silent',
    snapshotFile,
    dns: {
      listen: { host: '127.0.0.1', port: 0 },
      forward: [],
      clusterDomain: 'cluster.local',
      ttlSeconds: 5,
      reverseZones: ['127.96.0.0/16'],
    },
    ...own,
  })
  world.onClose(() => running.stop())
  const address = running.addresses.dns ?? ''
  const resolver = new Resolver({ timeout: 1_000, tries: 2 })
  resolver.setServers([address])
  const lookup = (name: string) =>
    resolver.resolve4(name).catch((error: NodeJS.ErrnoException) => error.code)
  return { running, resolver, lookup, port: Number(address.split(':')[1]) }
}

/** Makes service demo/web, with the virtual address 127.96.0.10, and headless demo/pods. */
async function applyServices() {
  const { catalog } = world.connect(registry.address)
  const selector = { app: 'web' }
  const ports = [{ name: 'http', port: 80, targetPort: 'http' }]
  const apply = (name: string, clusterIp: string) =>
    catalog.applyService({
      service: { metadata: { namespace: 'demo', name }, spec: { clusterIp, selector, ports } },
    })
  await apply('web', '127.96.0.10')
  await apply('pods', 'None')
}

const register = async (name: string, ip: string) => {
  const roster = world.connect(registry.address)
  const registration = roster.register({
    namespace: 'demo',
    name,
    labels: { app: 'web' },
    addresses: [ip],
    ports: [{ name: 'http', containerPort: 8080 }],
  })
  await registration.ready
  return roster
}

const web = 'web.demo.svc.cluster.local'
const pods = 'pods.demo.svc.cluster.local'

describe('the DNS of an agent', () => {
  it('follows services and pods as they come and go', async () => {
    const { lookup, resolver } = await agent()
    await applyServices()
    await eventually(async () => expect(await lookup(web)).toEqual(['127.96.0.10']))
    expect(await lookup(pods)).toBe('ENOTFOUND')
    const owner = await register('web-1', '10.0.0.1')
    await eventually(async () => expect(await lookup(pods)).toEqual(['10.0.0.1']))
    expect(await resolver.resolveSrv(`_http._tcp.${pods}`)).toEqual([
      { priority: 0, weight: 100, port: 8080, name: `10-0-0-1.${pods}` },
    ])
    await owner.close()
    await eventually(async () => expect(await lookup(pods)).toBe('ENOTFOUND'))
  })

  it('does not say that a name is missing before it has heard the registry', async () => {
    await registry.stop()
    const { lookup } = await agent()
    expect(await lookup(web)).toBe('ESERVFAIL')
  })

  it('goes on without the registry, and begins again without it', async () => {
    await applyServices()
    const first = await agent()
    await eventually(async () => expect(await first.lookup(web)).toEqual(['127.96.0.10']))
    await registry.stop()
    expect(await first.lookup(web)).toEqual(['127.96.0.10'])
    await first.running.stop()
    const second = await agent()
    await eventually(async () => expect(await second.lookup(web)).toEqual(['127.96.0.10']))
    expect(await second.lookup(`no.${web}`)).toBe('ENOTFOUND')
  })

  it('says which address is taken', async () => {
    const { port } = await agent()
    const dns = {
      listen: { host: '127.0.0.1', port },
      forward: [],
      clusterDomain: 'cluster.local',
      ttlSeconds: 5,
    }
    await expect(agent({ dns })).rejects.toThrow(`dns cannot listen at 127.0.0.1:${port}`)
  })

  it.skipIf(!works('dig', '-v'))(
    'is understood by dig (bind9-dnsutils), over UDP and TCP',
    async () => {
      await applyServices()
      const { lookup, port } = await agent()
      await eventually(async () => expect(await lookup(web)).toEqual(['127.96.0.10']))
      const dig = async (...args: string[]) => {
        const flags = ['@127.0.0.1', '-p', `${port}`, '+norecurse', '+time=2', '+tries=2']
        const { stdout } = await run('dig', [...flags, ...args])
        return stdout
      }
      const short = await dig('+short', web, 'A')
      const tcp = await dig('+tcp', '+short', `_http._tcp.${web}`, 'SRV')
      const missing = await dig('nope.demo.svc.cluster.local', 'A')
      const future = await dig('+edns=1', '+noednsnegotiation', web, 'A')
      const transfer = await dig('cluster.local', 'AXFR')
      expect([short, tcp]).toEqual(['127.96.0.10\n', `0 100 80 ${web}.\n`])
      expect(missing).toMatch(/status: NXDOMAIN.*flags: qr aa;.*AUTHORITY: 1/s)
      expect(missing).not.toMatch(/malformed|warning: (?!\.local)/i)
      expect(future).toContain('status: BADVERS')
      expect(transfer).toContain('Transfer failed')
    },
  )
})

// In a network of its own: glibc asks port 53 only, of the server in /etc/resolv.conf.
const SCRIPT = `
set -e
ip link set lo up
# getaddrinfo asks for addresses of families the machine has beyond its loopback.
ip address add 192.0.2.1/32 dev lo
mount --bind "$1" /etc/resolv.conf
"$3" "$4" agent --registry 127.0.0.1:1 --snapshot "$2" --dns-listen 127.0.0.1:53 > "$2.log" 2>&1 &
agent=$!
trap 'kill $agent' EXIT
for n in $(seq 200); do grep -q 'dns: answering' "$2.log" && break; sleep 0.05; done
getent ahostsv4 web | head -1
getent hosts 127.96.0.10
getent ahosts nope || echo none
`

const canUnshare = works('unshare', '-Urnm', 'ip', 'link', 'set', 'lo', 'up')

describe.skipIf(!canUnshare)('glibc (where unshare and ip may make networks)', () => {
  it('finds services by short name, by address, and finds out that there is none', async () => {
    await applyServices()
    const { running, lookup } = await agent()
    await eventually(async () => expect(await lookup(web)).toEqual(['127.96.0.10']))
    await running.stop()
    const resolvConf = `${snapshotFile}.resolv.conf`
    await writeFile(
      resolvConf,
      'nameserver 127.0.0.1\nsearch demo.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n',
    )
    const args = [resolvConf, snapshotFile, process.execPath, PROGRAM]
    const { stdout } = await run('unshare', ['-Urnm', 'sh', '-c', SCRIPT, 'sh', ...args])
    expect(stdout).toMatch(/^127\.96\.0\.10 +STREAM web/)
    expect(stdout).toMatch(/^127\.96\.0\.10 +web\.demo\.svc\.cluster\.local$/m)
    expect(stdout).toMatch(/^none$/m)
  })
})
