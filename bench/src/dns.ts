import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  checkPrograms,
  type DnsPeer,
  onProcessor,
  startAgentPeer,
  startDnsmasq,
  startNsd,
  writeQueries,
} from './dns-servers.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'

const run = promisify(execFile)

const ROUNDS = 3
const SECONDS = 3
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024
/** Of the comparison of a busy with an idle main thread, in queries per second. */
const CALM_QPS = 2_000

/**
 * Queries per second against NSD and dnsmasq with the same names, one after the
 * other on one processor, dnsperf on another; and what a busy main thread does to
 * the 99th percentile of the latency.
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
  const { idleP99Ms, busyP99Ms } = await latencies(queries)
  return report({ qps, nsdQps, dnsmasqQps, idleP99Ms, busyP99Ms })
}

async function queriesPerSecond({ port }: DnsPeer, queries: string): Promise<number> {
  const stdout = await dnsperf(onProcessor(1, ['dnsperf']), port, queries, [])
  return Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1])
}

async function latencies(queries: string) {
  const rounds = { idle: [] as number[], busy: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const mainThread of ['idle', 'busy'] as const) {
      // One at a time: a busy one would take processor time from an idle one.
      const agent = await startAgentPeer('free', mainThread)
      // The first run compiles the code.
      await p99Ms(agent, queries)
      rounds[mainThread].push(await p99Ms(agent, queries))
      await agent.process.stop()
    }
  }
  return { idleP99Ms: median(rounds.idle), busyP99Ms: median(rounds.busy) }
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
  readonly idleP99Ms: number
  readonly busyP99Ms: number
}

function report(figures: Figures): Report {
  const { qps = Number.NaN, nsdQps = 0, dnsmasqQps = 0, idleP99Ms, busyP99Ms } = figures
  const ratioToNsd = qps / nsdQps
  const ratioToDnsmasq = qps / dnsmasqQps
  const busyP99Ratio = busyP99Ms / idleP99Ms
  const row = (what: string, unit: string, roster: number) => ({ what, unit, roster })
  return {
    rows: [
      row('queries', '1/s', qps),
      row(`against NSD (${nsdQps.toFixed(0)}/s)`, 'ratio', ratioToNsd),
      row(`against dnsmasq (${dnsmasqQps.toFixed(0)}/s)`, 'ratio', ratioToDnsmasq),
      row('latency with an idle main thread, p99', 'ms', idleP99Ms),
      row('latency with a main thread 60 % busy, p99', 'ms', busyP99Ms),
      row('the second over the first', 'ratio', busyP99Ratio),
    ],
    json: {
      qps,
      ratioToNsd,
      ratioToDnsmasq,
      busyP99Ratio,
      nsdQps,
      dnsmasqQps,
      idleP99Ms,
      busyP99Ms,
    },
  }
}
