import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dnsmasqFile, endpointSets, queryFile, zoneFile } from './dns-zone.ts'
import { type Roster, startRoster } from './roster-peer.ts'
import { ServerProcess, temporaryDirectory } from './server-process.ts'

const PROGRAM = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url))
const LOAD = new URL('./main-thread-load.js', import.meta.url).href

/** A DNS server under test. */
export interface DnsPeer {
  readonly name: 'roster' | 'nsd' | 'dnsmasq'
  readonly port: number
  readonly process: ServerProcess
}

/** Errors: when a program is missing, with the way to get it. */
export function checkPrograms(): void {
  const packages = { nsd: 'nsd', dnsmasq: 'dnsmasq-base', dnsperf: 'dnsperf' }
  const missing = Object.entries(packages).filter(
    // Asked of the shell: what each would do with a flag is its own affair.
    ([program]) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0,
  )
  if (missing.length === 0) return
  const [programs, names] = [0, 1].map((n) => missing.map((entry) => entry[n]).join(' '))
  throw new Error(`not on the PATH: ${programs}; run \`apt-get install ${names}\``)
}

/** The command, on one processor of its own where there are several. */
export function onProcessor(number: number, command: readonly string[]): readonly string[] {
  return cpus().length < 2 ? command : ['taskset', '--cpu-list', `${number}`, ...command]
}

/** Queries for dnsperf, in a file. */
export function writeQueries(): string {
  return written('queries', queryFile())
}

/** Whether a server has a processor of its own, where there are several. */
export type Place = 'pinned' | 'free'

const placed = (place: Place, command: readonly string[]) =>
  place === 'pinned' ? onProcessor(0, command) : command

/** A registry whose main thread has work for 60 % of the time. */
export const startBusyRegistry = (): Promise<Roster> => startRoster(undefined, ['--import', LOAD])

/** An agent that knows the services from a snapshot. */
export async function startAgentPeer(place: Place = 'pinned'): Promise<DnsPeer> {
  const file = written('agent.json', JSON.stringify({ format: 1, sets: endpointSets() }))
  const command = [
    process.execPath,
    ...[PROGRAM, 'agent', '--snapshot', file, '--dns-forward', 'none'],
    // Nobody listens there: it goes on with what it knows.
    ...['--registry', '127.0.0.1:1', '--dns-listen', '127.0.0.1:0', '--proxy', 'off'],
  ]
  const server = start(placed(place, command))
  const port = await server.printed(/"address":"127\.0\.0\.1:(\d+)","domain"/)
  return { name: 'roster', port: Number(port), process: server }
}

export async function startNsd(place: Place = 'pinned'): Promise<DnsPeer> {
  const port = await freePort()
  const zone = written('cluster.local.zone', zoneFile())
  const lines = [
    'server:',
    `  ip-address: 127.0.0.1@${port}`,
    '  server-count: 1',
    // Else it leaves most queries of one client unanswered.
    '  rrl-ratelimit: 0',
    '  rrl-whitelist-ratelimit: 0',
    ...['username', 'pidfile', 'database'].map((key) => `  ${key}: ""`),
    ...['zonelistfile', 'xfrdfile'].map((key) => `  ${key}: "${zone}.${key}"`),
    'remote-control:',
    '  control-enable: no',
    'zone:',
    '  name: cluster.local',
    `  zonefile: "${zone}"`,
  ]
  const conf = written('nsd.conf', `${lines.join('\n')}\n`)
  const server = start(placed(place, ['nsd', '-d', '-c', conf]))
  await server.printed(/(nsd started)/)
  return { name: 'nsd', port, process: server }
}

export async function startDnsmasq(): Promise<DnsPeer> {
  const port = await freePort()
  const command = [
    ...['dnsmasq', '--no-daemon', '--no-resolv', '--no-hosts', '--user=', '--pid-file='],
    ...['--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`],
    `--conf-file=${written('dnsmasq.conf', dnsmasqFile())}`,
  ]
  const server = start(onProcessor(0, command))
  await server.printed(/(started, version)/)
  return { name: 'dnsmasq', port, process: server }
}

const start = ([command = '', ...args]: readonly string[]) => new ServerProcess(command, args)

function written(name: string, text: string): string {
  const file = join(temporaryDirectory(), name)
  writeFileSync(file, text)
  return file
}

/** A port nobody listens at, over UDP or TCP, for a server that cannot choose one itself. */
async function freePort(): Promise<number> {
  const tcp = createServer().listen(0, '127.0.0.1')
  await once(tcp, 'listening')
  const { port } = tcp.address() as AddressInfo
  const udp = createSocket('udp4').bind(port, '127.0.0.1')
  await once(udp, 'listening')
  tcp.close()
  udp.close()
  await Promise.all([once(tcp, 'close'), once(udp, 'close')])
  return port
}
