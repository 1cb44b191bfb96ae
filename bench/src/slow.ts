import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@grpc/grpc-js'
import { CALL_DEADLINE_MS, callEcho, startEchoSides } from './echo-sides.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'

/** What the servers take for a call, in milliseconds. The last is ten times as slow. */
const WORK_MS = [10, 10, 10, 10, 100]
const SLOW_SERVER = '4'
/** Each of them has to find out by itself. */
const CLIENTS = 4
const CALLS_PER_SECOND = 300
const TICK_MS = 5
const WARM_UP_MS = 2_000
const MEASURED_MS = 10_000
const ROUNDS = 2

/** One call: who answered it, and after how long. */
interface Answer {
  readonly server: string
  readonly latencyMs: number
}

/**
 * Five servers, one of them ten times slower: latency and who serves, through the
 * SDK and through grpc-js with round_robin. Calls come at a fixed rate, whether the
 * ones before have been answered or not.
 */
export async function slow(): Promise<Report> {
  const sides = await startEchoSides(WORK_MS)
  const clients = (open: () => Client) => Array.from({ length: CLIENTS }, open)
  const roster = clients(sides.roster)
  const grpcJs = clients(sides.grpcJs)
  const rounds: { roster: Figures; grpcJs: Figures }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await measure(grpcJs)
    rounds.push({ grpcJs: theirs, roster: await measure(roster) })
  }
  await sides.close()
  const of = (side: 'roster' | 'grpcJs', figure: keyof Figures) =>
    median(rounds.map((round) => round[side][figure]))
  const p99Ratio = of('roster', 'p99Ms') / of('grpcJs', 'p99Ms')
  const slowShare = of('roster', 'slowShare')
  const both = (figure: keyof Figures) => ({
    roster: of('roster', figure),
    grpcJs: of('grpcJs', figure),
  })
  return {
    rows: [
      { what: 'latency, p50', unit: 'ms', ...both('p50Ms') },
      { what: 'latency, p99', unit: 'ms', ...both('p99Ms'), goal: { of: 'ratio', atMost: 0.25 } },
      {
        what: 'calls the slow server got',
        unit: 'share',
        ...both('slowShare'),
        goal: { of: 'roster', atMost: 0.01 },
      },
      { what: 'failed calls', unit: 'share', ...both('failedShare') },
    ],
    json: { p99Ratio, slowShare, rounds },
  }
}

interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly slowShare: number
  readonly failedShare: number
}

async function measure(clients: readonly Client[]): Promise<Figures> {
  await load(clients, WARM_UP_MS)
  const answers = await load(clients, MEASURED_MS)
  const latencies = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b)
  const percentile = (share: number) =>
    latencies[Math.ceil(latencies.length * share) - 1] ?? Number.NaN
  const shareOf = (isOne: (answer: Answer) => boolean) =>
    answers.filter(isOne).length / answers.length
  return {
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    slowShare: shareOf(({ server }) => server === SLOW_SERVER),
    failedShare: shareOf(({ server }) => server === ''),
  }
}

/** Calls at the fixed rate; all the answers. A failed call took as long as a call may. */
async function load(clients: readonly Client[], forMs: number): Promise<readonly Answer[]> {
  const answers: Promise<Answer>[] = []
  const startMs = performance.now()
  for (;;) {
    const elapsedMs = performance.now() - startMs
    const due = (Math.min(elapsedMs, forMs) * CALLS_PER_SECOND) / 1000
    while (answers.length < due) {
      const client = clients[answers.length % clients.length]
      if (client) answers.push(timed(client))
    }
    if (elapsedMs >= forMs) return Promise.all(answers)
    await delay(TICK_MS)
  }
}

async function timed(client: Client): Promise<Answer> {
  const startMs = performance.now()
  try {
    const server = await callEcho(client)
    return { server, latencyMs: performance.now() - startMs }
  } catch {
    // Its share is in the report.
    return { server: '', latencyMs: CALL_DEADLINE_MS }
  }
}
