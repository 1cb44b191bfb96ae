import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { PickFigures, PickTask } from './pick-worker.ts'
import type { Report, Row } from './report.ts'
import { medians } from './statistics.ts'

const SIZES = [10, 100, 1_000]
const ROUNDS = 3

/** The policies, and those of grpc-js that are like them. */
const POLICIES: readonly (Omit<PickTask, 'endpoints'> & { readonly ratioAtMost?: number })[] = [
  { policy: 'round_robin', grpcJsPolicy: 'round_robin', ratioAtMost: 1 },
  { policy: 'weighted', grpcJsPolicy: 'weighted_round_robin', ratioAtMost: 0.2 },
  { policy: 'least_request' },
  { policy: 'peak_ewma' },
  { policy: 'maglev' },
]

/**
 * Nanoseconds per pick of every policy, beside the pickers of grpc-js that are like them;
 * both take turns in a thread of their own, because in a process with one policy the code
 * is compiled for that policy. Medians over all turns of three threads.
 */
export async function pick(): Promise<Report> {
  const rows: Row[] = []
  const byPolicy: Record<string, PickFigures[]> = {}
  for (const { policy, grpcJsPolicy, ratioAtMost } of POLICIES) {
    byPolicy[policy] = []
    for (const endpoints of SIZES) {
      const figures = await measure({ policy, endpoints, ...(grpcJsPolicy && { grpcJsPolicy }) })
      byPolicy[policy].push(figures)
      rows.push(...rowsOf(`${policy}, ${endpoints} endpoints`, figures, ratioAtMost))
    }
  }
  const worst = (policy: string, of: (figures: PickFigures) => number | undefined) =>
    Math.max(...(byPolicy[policy] ?? []).map((figures) => of(figures) ?? Number.NaN))
  const ratio = ({ pickNs, grpcJsPickNs = Number.NaN }: PickFigures) => pickNs / grpcJsPickNs
  return {
    rows,
    json: {
      roundRobinRatio: worst('round_robin', ratio),
      weightedRatio: worst('weighted', ratio),
      peakEwmaNs: worst('peak_ewma', ({ pickNs }) => pickNs),
      endpoints: SIZES,
      ...byPolicy,
    },
  }
}

async function measure(task: PickTask): Promise<PickFigures> {
  const rounds: PickFigures[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const worker = new Worker(new URL('./pick-worker.js', import.meta.url), { workerData: task })
    const [figures]: PickFigures[] = await once(worker, 'message')
    if (figures) rounds.push(figures)
    await worker.terminate()
  }
  return medians(rounds as readonly Required<PickFigures>[])
}

function rowsOf(what: string, figures: PickFigures, ratioAtMost: number | undefined): Row[] {
  const { pickNs, callNs, grpcJsPickNs } = figures
  return [
    {
      what,
      unit: 'ns',
      roster: pickNs,
      ...(grpcJsPickNs !== undefined && { grpcJs: grpcJsPickNs }),
      ...(ratioAtMost !== undefined && { goal: { of: 'ratio', atMost: ratioAtMost } }),
    },
    { what: `${what}, with start and end`, unit: 'ns', roster: callNs },
  ]
}
