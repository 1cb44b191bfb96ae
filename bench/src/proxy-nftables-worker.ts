import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ServiceChange, startNftablesProxy } from '@roster/agent'
import { pino } from 'pino'
import { removeLeftovers, ServerProcess, temporaryDirectory } from './server-process.ts'
import { serviceSet } from './service-sets.ts'
import { medians } from './statistics.ts'

// A program: a client and a backend in namespaces of their own around the namespace it
// runs in, which is the node between them. Measures both ways from one to the other,
// directly and through a ClusterIP, and prints the figures as JSON.

const run = promisify(execFile)

const ROUNDS = 3
const SECONDS = 2
const CONNECTIONS = 32
const BITS_PER_GBIT = 1e9
const MAX_OUTPUT_BYTES = 2 ** 24
const START_TIMEOUT_MS = 10_000
const BACKEND = '10.2.0.2'
const CLUSTER_IP = '10.96.0.10'
const PORTS = { http: 8080, iperf: 5201 }

/** Requests on connections that are kept, new connections, and Gbit, each per second. */
type Figures = Record<'rps' | 'cps' | 'gbps', number>

/** The same figures of both ways. */
export type NftablesFigures = Record<'direct' | 'nftables', Figures>

const namespaces: ChildProcess[] = []
process.on('exit', () => {
  for (const one of namespaces) one.kill('SIGKILL')
  removeLeftovers()
})
// The proxy's own timers keep no process.
setInterval(() => undefined, 2 ** 30)
process.stdout.write(JSON.stringify(await measure()))
process.exit()

async function measure(): Promise<NftablesFigures> {
  await run('sysctl', ['-qw', 'net.ipv4.ip_forward=1'])
  const client = await namespace(1)
  const backend = await namespace(2)
  const processes = [
    new ServerProcess('nsenter', [...inside(backend), 'nginx', '-c', nginxConf(), '-e', 'stderr']),
    new ServerProcess('nsenter', [...inside(backend), 'iperf3', '-s']),
  ]
  await startProxy()
  const paths = { direct: BACKEND, nftables: CLUSTER_IP }
  for (const address of Object.values(paths)) await accepting(client, address)
  const rounds = { direct: [] as Figures[], nftables: [] as Figures[] }
  for (let round = 0; round < ROUNDS; round++) {
    // In turn, so that what else the machine does falls on both.
    for (const name of ['direct', 'nftables'] as const) {
      rounds[name].push(await figuresOf(client, paths[name]))
    }
  }
  for (const one of processes) await one.stop()
  return { direct: medians(rounds.direct), nftables: medians(rounds.nftables) }
}

/** A namespace behind the node; what keeps it. */
async function namespace(number: number): Promise<ChildProcess> {
  const keeper = spawn('unshare', ['-n', 'sh', '-c', 'echo; exec sleep infinity'])
  namespaces.push(keeper)
  await new Promise((resolve) => keeper.stdout.once('data', resolve))
  const node = `
    ip link add v${number} type veth peer name eth0 netns ${keeper.pid}
    ip addr add 10.${number}.0.1/24 dev v${number}
    ip link set v${number} up`
  const peer = `
    ip link set lo up
    ip addr add 10.${number}.0.2/24 dev eth0
    ip link set eth0 up
    ip route add default via 10.${number}.0.1`
  await run('sh', ['-ec', node])
  await run('nsenter', [...inside(keeper), 'sh', '-ec', peer])
  return keeper
}

function inside({ pid }: ChildProcess): readonly string[] {
  return ['-t', `${pid}`, '-n', '--']
}

async function startProxy(): Promise<void> {
  let feed: (change: ServiceChange) => void = () => {}
  const source = {
    isSynced: true,
    sets: new Map(),
    subscribe: (listener: typeof feed) => {
      feed = listener
      return () => {}
    },
  }
  const log = pino({ level: 'warn' }, process.stderr)
  const proxy = await startNftablesProxy({ source, node: 'bench', zone: '', log })
  const service = { name: 'web', clusterIP: CLUSTER_IP, ports: PORTS, endpoints: [BACKEND] }
  feed({ changed: [serviceSet(service)], removed: [] })
  await proxy.settled()
}

async function figuresOf(client: ChildProcess, address: string): Promise<Figures> {
  return {
    rps: await requestsPerSecond(client, address, []),
    cps: await requestsPerSecond(client, address, ['--header', 'Connection: close']),
    gbps: await gigabitsPerSecond(client, address),
  }
}

async function requestsPerSecond(client: ChildProcess, address: string, flags: readonly string[]) {
  // The client's ports run out of flows the kernel remembers of the run before.
  await run('conntrack', ['-F'])
  const load = ['--threads', '1', '--connections', `${CONNECTIONS}`, '--duration', `${SECONDS}s`]
  const command = ['wrk', ...load, ...flags, `http://${address}:${PORTS.http}/`]
  const { stdout } = await run('nsenter', [...inside(client), ...command])
  const failed = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0]
  if (failed) process.stderr.write(`${address}: ${failed}\n`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
}

async function gigabitsPerSecond(client: ChildProcess, address: string): Promise<number> {
  const flags = ['--client', address, '--port', `${PORTS.iperf}`, '--time', `${SECONDS}`, '--json']
  const { stdout } = await run('nsenter', [...inside(client), 'iperf3', ...flags], {
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  return JSON.parse(stdout).end.sum_received.bits_per_second / BITS_PER_GBIT
}

/** One process, a short answer, connections kept for as long as the client likes. */
function nginxConf(): string {
  const directory = temporaryDirectory()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const file = join(directory, 'nginx.conf')
  writeFileSync(
    file,
    `
daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000;
  ${temporary.map((what) => `${what}_temp_path ${directory}/${what};`).join(' ')}
  server { listen ${PORTS.http} backlog=4096; location / { return 200 "ok"; } }
}
`,
  )
  return file
}

async function accepting(client: ChildProcess, address: string): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS
  for (const port of Object.values(PORTS)) {
    const probe = [...inside(client), 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]
    while (!(await run('nsenter', probe).catch(() => undefined))) {
      if (performance.now() > end) throw new Error(`nobody listens at ${address}:${port}`)
      await delay(10)
    }
  }
}
