import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type ServiceSource, startUserspaceProxy } from '@roster/agent'
import type { EndpointSet } from '@roster/client'
import { pino } from 'pino'
import { ServerProcess, temporaryDirectory } from './server-process.ts'

const run = promisify(execFile)

const PACKAGES: Readonly<Record<string, string>> = {
  wrk: 'wrk',
  iperf3: 'iperf3',
  haproxy: 'haproxy',
  nginx: 'nginx-light',
}
const BACKEND = '127.0.0.1'
const CLUSTER_IP = '127.96.255.10'
const HAPROXY_IP = '127.0.0.2'
const START_TIMEOUT_MS = 10_000
const SERVICE = 'http'

/** The ports of the two backends: a web server, and an end of iperf3. */
export interface Ports {
  readonly http: number
  readonly iperf: number
}

/** A way to the backends: directly, or through a proxy at the same ports. */
export interface Path {
  readonly name: 'direct' | 'haproxy' | 'userspace'
  readonly address: string
  readonly ports: Ports
}

/** Everything that runs for the benchmark. */
export interface Paths {
  readonly all: readonly Path[]
  stop(): Promise<void>
}

/** Starts the backends and the proxies. Errors: a program is missing, and how to get it. */
export async function startPaths(): Promise<Paths> {
  await requirePrograms()
  const ports = { http: await freePort(), iperf: await freePort() }
  const processes = [
    new ServerProcess('nginx', ['-c', fileWith('nginx.conf', nginxConf(ports)), '-e', 'stderr']),
    new ServerProcess('iperf3', ['-s', '-B', BACKEND, '-p', `${ports.iperf}`]),
    new ServerProcess('haproxy', ['-db', '-f', fileWith('haproxy.cfg', haproxyConf(ports))]),
  ]
  const proxy = startUserspaceProxy({
    source: sourceOf(ports),
    node: 'bench',
    zone: '',
    log: pino({ level: 'warn' }, process.stderr),
    drainMs: 0,
  })
  const all: readonly Path[] = [
    { name: 'direct', address: BACKEND, ports },
    { name: 'haproxy', address: HAPROXY_IP, ports },
    { name: 'userspace', address: CLUSTER_IP, ports },
  ]
  for (const { address } of all) await accepting(address, ports.http)
  return {
    all,
    stop: async () => {
      await proxy.close()
      for (const process of processes) await process.stop()
    },
  }
}

async function requirePrograms(): Promise<void> {
  const path = `${process.env.PATH}:/usr/sbin`
  process.env.PATH = path
  const missing: string[] = []
  for (const [program, debian] of Object.entries(PACKAGES)) {
    await run('sh', ['-c', `command -v ${program}`]).catch(() => missing.push(debian))
  }
  if (missing.length === 0) return
  throw new Error(
    `programs are missing: apt-get install --no-install-recommends ${missing.join(' ')}`,
  )
}

function fileWith(name: string, text: string): string {
  const file = join(temporaryDirectory(), name)
  writeFileSync(file, text)
  return file
}

/** One process, a short answer, connections kept for as long as the client likes. */
function nginxConf({ http }: Ports): string {
  const directory = temporaryDirectory()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000;
  ${temporary.map((what) => `${what}_temp_path ${directory}/${what};`).join(' ')}
  server { listen ${BACKEND}:${http} backlog=4096; location / { return 200 "ok"; } }
}
`
}

/** One thread, as the userspace proxy has; bytes are moved by splice(2), which Node lacks. */
const haproxyConf = ({ http, iperf }: Ports): string => `
global
  nbthread 1
  maxconn 1024
defaults
  mode tcp
  option splice-auto
  timeout connect 2s
  timeout client 1h
  timeout server 1h
${[http, iperf]
  .map(
    (port) => `
listen port-${port}
  bind ${HAPROXY_IP}:${port}
  server backend ${BACKEND}:${port}
`,
  )
  .join('')}`

/** A source with one service that never changes: both backends behind one ClusterIP. */
function sourceOf(ports: Ports): ServiceSource {
  const names = Object.entries(ports)
  const endpoint = {
    id: 'backend',
    addresses: [BACKEND],
    ports: names.map(([name, port]) => ({ name, protocol: 'TCP', port, appProtocol: '' })),
    ready: true,
    serving: true,
    terminating: false,
    nodeName: '',
    zone: '',
    weight: 1,
  }
  const spec = {
    type: 'ClusterIP',
    clusterIps: [CLUSTER_IP],
    ports: names.map(([name, port]) => ({ name, protocol: 'TCP', port, nodePort: 0 })),
    externalIps: [],
    loadBalancerSourceRanges: [],
    sessionAffinity: 'None',
  }
  // The fields a proxy looks at, and no others.
  const set = {
    namespace: 'bench',
    service: SERVICE,
    definition: { spec },
    endpoints: [endpoint],
  } as unknown as EndpointSet
  return {
    isSynced: true,
    sets: new Map(),
    subscribe: (listener) => {
      queueMicrotask(() => listener({ changed: [set], removed: [] }))
      return () => {}
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, BACKEND, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}

async function accepting(host: string, port: number): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const isOpen = await new Promise((resolve) => {
      const socket = connect({ host, port })
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isOpen) return
    if (performance.now() > end) throw new Error(`nobody listens at ${host}:${port}`)
    await delay(10)
  }
}
