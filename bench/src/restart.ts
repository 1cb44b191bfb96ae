import { join } from 'node:path'
import { EndpointService } from '@roster/proto'
import { callAll, callOnce } from './calls.ts'
import type { Report } from './report.ts'
import { startRoster } from './roster-peer.ts'
import { applyService, registerPods, resolveEndpoints } from './roster-requests.ts'
import { temporaryDirectory } from './server-process.ts'
import { medians } from './statistics.ts'

const SERVICES = 1_000
const PODS_PER_SERVICE = 100
const CALLERS = 16
const ROUNDS = 3
const NAMESPACE = 'bench'
const BYTES_PER_MB = 2 ** 20

/**
 * A registry with 100,000 pods behind 1,000 services starts on its file: time from
 * the start of the process until it resolves a service rightly, and its memory then.
 */
export async function restart(): Promise<Report> {
  const file = join(temporaryDirectory(), 'roster.db')
  await fill(file)
  const rounds: { seconds: number; rssMb: number }[] = []
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(file))
  const roster = medians(rounds)
  return {
    rows: [
      {
        what: 'start to first right answer',
        unit: 's',
        roster: roster.seconds,
        goal: { of: 'roster', atMost: 2 },
      },
      {
        what: 'memory then',
        unit: 'MB',
        roster: roster.rssMb,
        goal: { of: 'roster', atMost: 400 },
      },
    ],
    json: { ...roster },
  }
}

async function fill(file: string): Promise<void> {
  const roster = await startRoster(file)
  const connection = await roster.process.connect(roster.address)
  const names = Array.from({ length: SERVICES }, (_, n) => `app-${n}`)
  const services = names.map((name) => applyService(NAMESPACE, name))
  await callAll([connection], services, { callers: CALLERS })
  const pods = names.map((service, n) =>
    registerPods(
      Array.from({ length: PODS_PER_SERVICE }, (_, i) => ({
        namespace: NAMESPACE,
        service,
        number: n * PODS_PER_SERVICE + i,
      })),
    ),
  )
  await callAll([connection], pods, { callers: CALLERS })
  connection.close()
  await roster.process.stop()
}

async function measure(file: string): Promise<{ seconds: number; rssMb: number }> {
  const startMs = performance.now()
  const roster = await startRoster(file)
  const connection = await roster.process.connect(roster.address)
  const response = await callOnce(connection, resolveEndpoints(NAMESPACE, `app-${SERVICES - 1}`))
  const seconds = (performance.now() - startMs) / 1000
  const { endpointSet } = EndpointService.resolveEndpoints.responseDeserialize(response)
  const found = endpointSet?.endpoints.length
  if (found !== PODS_PER_SERVICE) {
    throw new Error(`the registry found ${found} endpoints of ${PODS_PER_SERVICE} after its start`)
  }
  const rssMb = roster.process.rssBytes / BYTES_PER_MB
  connection.close()
  await roster.process.stop()
  return { seconds, rssMb }
}
