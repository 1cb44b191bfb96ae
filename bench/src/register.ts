import { callAll } from './calls.ts'
import { compare } from './comparison.ts'
import type { H2Connection } from './h2-connection.ts'
import type { Call, Peer } from './peer.ts'
import type { Report } from './report.ts'
import { registeredPod } from './roster-peer.ts'
import { registerPods } from './roster-requests.ts'

const CALLERS = 64
const ROUNDS = 3
const WARM_UP_CALLS = 6_000
const MEASURED_CALLS = 30_000
const BATCH_PODS = 100
const WARM_UP_BATCHES = 100
const MEASURED_BATCHES = 800
/** No part of a round takes longer, however slow the server. */
const options = { callers: CALLERS, forMs: 4_000 }

/**
 * 64 concurrent callers, each on a connection of its own and with one call in
 * flight, write pods durably: RegisterPod and RegisterPods against puts in etcd.
 */
export async function register(): Promise<Report> {
  const { roster, etcd: peer } = await compare(ROUNDS, measure)
  // etcd has no batch of its own to compare with: a put is its way to write one pod.
  const { batchedPerSecond: _, ...etcd } = peer
  return {
    rows: [
      {
        what: 'RegisterPod against put',
        unit: 'pods/s',
        roster: roster.writesPerSecond,
        etcd: etcd.writesPerSecond,
        goal: { of: 'ratio', atLeast: 0.9 },
      },
      {
        what: `RegisterPods of ${BATCH_PODS} against put`,
        unit: 'pods/s',
        roster: roster.batchedPerSecond,
        etcd: etcd.writesPerSecond,
        goal: { of: 'ratio', atLeast: 4 },
      },
      {
        what: 'server CPU per RegisterPod against put',
        unit: 'us',
        roster: roster.cpuPerWriteMicros,
        etcd: etcd.cpuPerWriteMicros,
      },
    ],
    json: {
      unaryRatio: roster.writesPerSecond / etcd.writesPerSecond,
      batchRatio: roster.batchedPerSecond / etcd.writesPerSecond,
      roster,
      etcd,
    },
  }
}

async function measure(peer: Peer) {
  await peer.prepare()
  const connections: H2Connection[] = []
  for (let i = 0; i < CALLERS; i++) connections.push(await peer.process.connect(peer.address))

  await callAll(connections, callsOf(0, WARM_UP_CALLS, peer.register), options)
  const calls = callsOf(WARM_UP_CALLS, MEASURED_CALLS, peer.register)
  const cpuBefore = peer.process.cpuMicros
  const startMs = performance.now()
  const writesPerSecond = await callAll(connections, calls, options)
  const writes = (writesPerSecond * (performance.now() - startMs)) / 1000
  const cpuPerWriteMicros = (peer.process.cpuMicros - cpuBefore) / writes
  const batchedPerSecond = peer.name === 'etcd' ? 0 : await batched(connections)

  for (const connection of connections) connection.close()
  return { writesPerSecond, cpuPerWriteMicros, batchedPerSecond }
}

/** Pods per second by RegisterPods: pods that are new, like those before. */
async function batched(connections: readonly H2Connection[]): Promise<number> {
  const batch = (n: number) => {
    const first = WARM_UP_CALLS + MEASURED_CALLS + n * BATCH_PODS
    return registerPods(Array.from({ length: BATCH_PODS }, (_, i) => registeredPod(first + i)))
  }
  await callAll(connections, callsOf(0, WARM_UP_BATCHES, batch), options)
  const calls = callsOf(WARM_UP_BATCHES, MEASURED_BATCHES, batch)
  return (await callAll(connections, calls, options)) * BATCH_PODS
}

function callsOf(first: number, count: number, make: (n: number) => Call): Call[] {
  return Array.from({ length: count }, (_, i) => make(first + i))
}
