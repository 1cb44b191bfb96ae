import type { Client } from '@grpc/grpc-js'
import { callEcho, startEchoSides } from './echo-sides.ts'
import type { Report } from './report.ts'

const SERVERS = 3
const CALLERS = 32
/** Enough for a garbage collection or two, so that turns are alike. */
const CALLS_PER_TURN = 500
const WARM_UP_TURNS = 10
const TURNS = 300
/** Draws from which the interval comes (the bootstrap, percentile method). */
const RESAMPLES = 1_000

/** CPU per call in microseconds, in turns that followed each other. */
interface Pair {
  readonly roster: number
  readonly grpcJs: number
}

/**
 * CPU of a unary call in the client, through the SDK and through grpc-js alone, each as
 * it comes: both call the same three servers in many short turns, because the machine's
 * speed changes with time. A turn is 20 % more or less than the next one of its side, so
 * that only many of them tell a difference of a few percent, and how sure it is.
 */
export async function callsCost(): Promise<Report> {
  const sides = await startEchoSides(Array(SERVERS).fill(0))
  const [roster, grpcJs] = [sides.roster(), sides.grpcJs()]
  const pairs: Pair[] = []
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    // Who begins changes, so that neither always runs on the other's garbage.
    const isEven = turn % 2 === 0
    const first = await cpuPerCallMicros(isEven ? roster : grpcJs)
    const second = await cpuPerCallMicros(isEven ? grpcJs : roster)
    pairs.push(isEven ? { roster: first, grpcJs: second } : { roster: second, grpcJs: first })
  }
  await sides.close()
  const measured = pairs.slice(WARM_UP_TURNS)
  const cpuRatio = ratioOf(measured)
  const interval95 = intervalOf(measured)
  return {
    rows: [
      {
        what: 'client CPU per unary call',
        unit: 'us',
        roster: mean(measured.map((pair) => pair.roster)),
        grpcJs: mean(measured.map((pair) => pair.grpcJs)),
      },
      {
        what: `the same (95 % within ${interval95.map((end) => end.toFixed(3)).join(' to ')})`,
        unit: 'ratio',
        roster: cpuRatio,
        goal: { of: 'roster', atMost: 1.03 },
      },
    ],
    json: { cpuRatio, interval95, turns: measured },
  }
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Of the sums, not of each pair: a collection falls into the one turn or the other. */
const ratioOf = (pairs: readonly Pair[]) =>
  mean(pairs.map((pair) => pair.roster)) / mean(pairs.map((pair) => pair.grpcJs))

function intervalOf(pairs: readonly Pair[]): [number, number] {
  const draw = () => pairs[Math.floor(Math.random() * pairs.length)] as Pair
  const ratios = Array.from({ length: RESAMPLES }, () => ratioOf(pairs.map(draw)))
  ratios.sort((a, b) => a - b)
  const at = (share: number) => ratios[Math.floor(share * RESAMPLES)] ?? Number.NaN
  return [at(0.025), at(0.975)]
}

async function cpuPerCallMicros(client: Client): Promise<number> {
  let begun = 0
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (begun < CALLS_PER_TURN) {
        begun += 1
        await callEcho(client)
      }
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CALLS_PER_TURN
}
