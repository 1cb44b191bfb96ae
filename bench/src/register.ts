import { type CallOptions, callAll } from './calls.ts'
import { type Comparison, compare, rowOf } from './comparison.ts'
import { GrpcJsCallers } from './grpc-js-callers.ts'
import type { H2Connection } from './h2-connection.ts'
import type { Call, Peer } from './peer.ts'
import type { Report, Row } from './report.ts'
import { registeredPod } from './roster-peer.ts'
import { registerPods } from './roster-requests.ts'

const CALLERS = 64
const ROUNDS = 3
const WARM_UP_CALLS = 4_000
const MEASURED_CALLS = 20_000
const BATCH_PODS = 100
const WARM_UP_BATCHES = 60
const MEASURED_BATCHES = 600
/** No part of a round takes longer, however slow the server. */
const options: CallOptions = { callers: CALLERS, forMs: 4_000 }

type CallAll = (calls: readonly Call[], options: CallOptions) => Promise<number>

/**
 * 64 concurrent callers, each with one call in flight, write pods durably:
 * RegisterPod and RegisterPods against puts in etcd. Once as the callers of one
 * Node process do, who share a grpc-js client: that is what a caller gets. And
 * once from 64 connections that cost the machine next to nothing, so that all of it
 * is the server's.
 */
export async function register(): Promise<Report> {
  const shared = await compare(ROUNDS, measureShared)
  const bare = await compare(ROUNDS, measureBare)
  const by = (side: Figures) => ({
    unaryRatio: side.roster.writesPerSecond / side.etcd.writesPerSecond,
    batchRatio: side.roster.batchedPerSecond / side.etcd.writesPerSecond,
    ...side,
  })
  return {
    rows: [
      ...rowsOf('64 callers of a Node process', shared, 'judged'),
      ...rowsOf('64 bare connections', bare, 'told'),
    ],
    json: { ...by(shared), bare: by(bare) },
  }
}

type Figures = Comparison<keyof Awaited<ReturnType<typeof measure>>>

function rowsOf(who: string, sides: Figures, goals: 'judged' | 'told'): readonly Row[] {
  const { roster, etcd } = sides
  const atLeast = (ratio: number) =>
    goals === 'judged' ? { goal: { of: 'ratio', atLeast: ratio } as const } : {}
  return [
    {
      ...rowOf(sides, 'writesPerSecond', `${who}: RegisterPod against put`, 'pods/s'),
      ...atLeast(0.9),
    },
    {
      // etcd has no batch of its own to compare with: a put is its way to write one pod.
      what: `${who}: RegisterPods of ${BATCH_PODS} against put`,
      unit: 'pods/s',
      roster: roster.batchedPerSecond,
      etcd: etcd.writesPerSecond,
      ...atLeast(4),
    },
    rowOf(sides, 'cpuPerWriteMicros', `${who}: server CPU per RegisterPod against put`, 'us'),
  ]
}

async function measureShared(peer: Peer) {
  const callers = new GrpcJsCallers(peer.address)
  try {
    return await measure(peer, (calls, how) => callers.callAll(calls, how))
  } finally {
    callers.close()
  }
}

async function measureBare(peer: Peer) {
  const connections: H2Connection[] = []
  for (let i = 0; i < CALLERS; i++) connections.push(await peer.process.connect(peer.address))
  try {
    return await measure(peer, (calls, how) => callAll(connections, calls, how))
  } finally {
    for (const connection of connections) connection.close()
  }
}

async function measure(peer: Peer, callAll: CallAll) {
  await peer.prepare()
  await callAll(callsOf(0, WARM_UP_CALLS, peer.register), options)
  const calls = callsOf(WARM_UP_CALLS, MEASURED_CALLS, peer.register)
  const cpuBefore = peer.process.cpuMicros
  const startMs = performance.now()
  const writesPerSecond = await callAll(calls, options)
  const writes = (writesPerSecond * (performance.now() - startMs)) / 1000
  const cpuPerWriteMicros = (peer.process.cpuMicros - cpuBefore) / writes
  const batchedPerSecond = peer.name === 'etcd' ? 0 : await batched(callAll)
  return { writesPerSecond, cpuPerWriteMicros, batchedPerSecond }
}

/** Pods per second by RegisterPods: pods that are new, like those before. */
async function batched(callAll: CallAll): Promise<number> {
  const batch = (n: number) => {
    const first = WARM_UP_CALLS + MEASURED_CALLS + n * BATCH_PODS
    return registerPods(Array.from({ length: BATCH_PODS }, (_, i) => registeredPod(first + i)))
  }
  await callAll(callsOf(0, WARM_UP_BATCHES, batch), options)
  const calls = callsOf(WARM_UP_BATCHES, MEASURED_BATCHES, batch)
  return (await callAll(calls, options)) * BATCH_PODS
}

function callsOf(first: number, count: number, make: (n: number) => Call): Call[] {
  return Array.from({ length: count }, (_, i) => make(first + i))
}
