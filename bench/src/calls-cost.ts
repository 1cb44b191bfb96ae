import type { Client } from '@grpc/grpc-js'
import { callEcho, startEchoSides } from './echo-sides.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'

const SERVERS = 3
const CALLERS = 32
const CALLS_PER_ROUND = 1_500
const WARM_UP_ROUNDS = 2
const ROUNDS = 21

/**
 * CPU of a unary call in the client, through the SDK and through grpc-js alone: both
 * call the same three servers in turns, and each turn is compared with its neighbour,
 * because the machine's speed changes with time.
 */
export async function callsCost(): Promise<Report> {
  const sides = await startEchoSides(Array(SERVERS).fill(0))
  const [roster, grpcJs] = [sides.roster(), sides.grpcJs()]
  const rounds: { roster: number; grpcJs: number }[] = []
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    // Who begins changes, so that neither always runs on the other's garbage.
    const isEven = round % 2 === 0
    const first = await cpuPerCallMicros(isEven ? roster : grpcJs)
    const second = await cpuPerCallMicros(isEven ? grpcJs : roster)
    rounds.push(isEven ? { roster: first, grpcJs: second } : { roster: second, grpcJs: first })
  }
  await sides.close()
  const measured = rounds.slice(WARM_UP_ROUNDS)
  const cpuRatio = median(measured.map((round) => round.roster / round.grpcJs))
  return {
    rows: [
      {
        what: 'client CPU per unary call',
        unit: 'us',
        roster: median(measured.map((round) => round.roster)),
        grpcJs: median(measured.map((round) => round.grpcJs)),
      },
      {
        what: 'the same, turn by turn',
        unit: 'ratio',
        roster: cpuRatio,
        goal: { of: 'roster', atMost: 1.03 },
      },
    ],
    json: { cpuRatio, rounds: measured },
  }
}

async function cpuPerCallMicros(client: Client): Promise<number> {
  let begun = 0
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (begun < CALLS_PER_ROUND) {
        begun += 1
        await callEcho(client)
      }
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / CALLS_PER_ROUND
}
