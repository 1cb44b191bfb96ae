import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  checkPrograms,
  type DnsPeer,
  onProcessor,
  startAgentPeer,
  startBusyRegistry,
  startDnsmasq,
  startNsd,
  writeQueries,
} from './dns-servers.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'

const run = promisify(execFile)

const ROUNDS = 3
const LATENCY_ROUNDS = 7
const SECONDS = 3
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024
/** Of the comparison with and without a busy registry, in queries per second. */
const CALM_QPS = 2_000

/**
 * Queries per second against NSD and dnsmasq with the same names, one after the
 * other on one processor, dnsperf on another; and what a registry whose main thread is
 * 60 % busy does to the 99th percentile of the latency.
 */
export async function dns(): Promise<Report> {
  checkPrograms()
  const queries = writeQueries()
  const peers = [await startAgentPeer(), await startNsd(), await startDnsmasq()]
  // The first run compiles the code.
  for (const peer of peers) await queriesPerSecond(peer, queries)
  const rounds = new Map<DnsPeer['name'], number[]>(peers.map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    // In turn, so that what else the machine does falls on all.
    for (const peer of peers) {
      rounds.get(peer.name)?.push(await queriesPerSecond(peer, queries))
    }
  }
  for (const peer of peers) await peer.process.stop()
  const [qps, nsdQps, dnsmasqQps] = [...rounds.values()].map(median)
  const [p99, nsdP99] = await latencies(queries)
  return report({ qps, nsdQps, dnsmasqQps, p99, nsdP99 })
}

async function queriesPerSecond({ port }: DnsPeer, queries: string): Promise<number> {
  const stdout = await dnsperf(onProcessor(1, ['dnsperf']), port, queries, [])
  return Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1])
}

/**
 * What a registry at work does to an agent's answers beside it, and, because it takes
 * processor time from whatever else runs, what it does to those of NSD.
 */
async function latencies(queries: string) {
  const peers = [await startAgentPeer('free'), await startNsd('free')]
  const rounds = new Map(peers.map(({ name }) => [name, { idle: [], busy: [] } as Rounds]))
  // The first run compiles the code.
  for (const peer of peers) await p99Ms(peer, queries)
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    // Who comes first changes: a registry that starts or stops is busier than 60 %.
    peers.reverse()
    for (const peer of peers) rounds.get(peer.name)?.idle.push(await p99Ms(peer, queries))
    const registry = await startBusyRegistry()
    for (const peer of peers) rounds.get(peer.name)?.busy.push(await p99Ms(peer, queries))
    await registry.process.stop()
  }
  for (const peer of peers) await peer.process.stop()
  return [...rounds.values()].map(({ idle, busy }) => ({ idle: median(idle), busy: median(busy) }))
}

interface Rounds {
  readonly idle: number[]
  readonly busy: number[]
}

async function p99Ms({ port }: DnsPeer, queries: string): Promise<number> {
  const stdout = await dnsperf(['dnsperf'], port, queries, ['-v', '-Q', `${CALM_QPS}`])
  const seconds = [...stdout.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm)].map(([, text]) => Number(text))
  const sorted = seconds.sort((a, b) => a - b)
  return (sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN) * 1000
}

async function dnsperf(
  [command = '', ...args]: readonly string[],
  port: number,
  queries: string,
  flags: readonly string[],
): Promise<string> {
  const to = ['-s', '127.0.0.1', '-p', `${port}`, '-d', queries, '-l', `${SECONDS}`, '-c', '8']
  const { stdout } = await run(command, [...args, ...to, ...flags], {
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  const lost = Number(/Queries lost:\s+(\d+)/.exec(stdout)?.[1])
  if (lost > 0) process.stderr.write(`${lost} queries to port ${port} were lost\n`)
  return stdout
}

interface Figures {
  readonly qps: number | undefined
  readonly nsdQps: number | undefined
  readonly dnsmasqQps: number | undefined
  /** Milliseconds, without a busy registry beside it and with one. */
  readonly p99: P99 | undefined
  readonly nsdP99: P99 | undefined
}

interface P99 {
  readonly idle: number
  readonly busy: number
}

const UNKNOWN: P99 = { idle: Number.NaN, busy: Number.NaN }

function report(figures: Figures): Report {
  const { qps = Number.NaN, nsdQps = 0, dnsmasqQps = 0 } = figures
  const { p99 = UNKNOWN, nsdP99 = UNKNOWN } = figures
  const ratioToNsd = qps / nsdQps
  const ratioToDnsmasq = qps / dnsmasqQps
  const busyP99Ratio = p99.busy / p99.idle
  const nsdBusyP99Ratio = nsdP99.busy / nsdP99.idle
  const row = (what: string, unit: string, roster: number) => ({ what, unit, roster })
  return {
    rows: [
      row('queries', '1/s', qps),
      row(`against NSD (${nsdQps.toFixed(0)}/s)`, 'ratio', ratioToNsd),
      row(`against dnsmasq (${dnsmasqQps.toFixed(0)}/s)`, 'ratio', ratioToDnsmasq),
      row('latency beside an idle registry, p99', 'ms', p99.idle),
      row('latency beside a registry 60 % busy, p99', 'ms', p99.busy),
      row('the second over the first', 'ratio', busyP99Ratio),
      row(
        `the same of NSD (${nsdP99.idle.toFixed(2)} and ${nsdP99.busy.toFixed(2)} ms)`,
        'ratio',
        nsdBusyP99Ratio,
      ),
    ],
    json: {
      ...{ qps, ratioToNsd, ratioToDnsmasq, busyP99Ratio, nsdBusyP99Ratio },
      ...{ nsdQps, dnsmasqQps, idleP99Ms: p99.idle, busyP99Ms: p99.busy },
      ...{ nsdIdleP99Ms: nsdP99.idle, nsdBusyP99Ms: nsdP99.busy },
    },
  }
}
