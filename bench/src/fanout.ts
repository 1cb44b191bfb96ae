import { callOnce } from './calls.ts'
import { type Comparison, compare, rowOf } from './comparison.ts'
import type { Peer } from './peer.ts'
import type { Report } from './report.ts'
import { median } from './statistics.ts'
import { WatcherFleet } from './watcher-fleet.ts'

const WATCHERS = 1_000
const ROUNDS = 3
/** With one watcher: enough to compile the code and to fill what a server allocates anyway. */
const FIRST_CHANGES = 1_000
const WARM_UP_CHANGES = 60
const MEASURED_CHANGES = 200
/** None of the three takes longer, however slow the server. */
const MAX_PHASE_MS = 1_500
const BYTES_PER_KB = 1024

/**
 * One change at a time, each of them awaited by 1,000 watchers, over 20 connections
 * and over 1,000: server CPU per delivered event, time from a change to the last
 * watcher, server memory per watch and per connection. Each round has a new server.
 */
export async function fanout(): Promise<Report> {
  const c20 = await compare(ROUNDS, (peer) => measure(peer, 20))
  const c1000 = await compare(ROUNDS, (peer) => measure(peer, 1_000))
  return {
    rows: [...rowsOf('c20', c20), ...rowsOf('c1000', c1000)],
    json: { c20: ratiosOf(c20), c1000: ratiosOf(c1000) },
  }
}

async function measure(peer: Peer, connections: number) {
  await peer.prepare()
  const writer = await peer.process.connect(peer.address)
  let n = 1
  /** Makes one change and waits until all have it. Returns how long that took, in milliseconds. */
  const change = async (fleet: WatcherFleet) => {
    const call = peer.change(n++)
    const startMs = performance.now()
    const response = await callOnce(writer, call)
    return (await fleet.reached(peer.changedRevision(response))) - startMs
  }
  const changes = async (fleet: WatcherFleet, count: number) => {
    const endMs = performance.now() + MAX_PHASE_MS
    const latenciesMs: number[] = []
    while (latenciesMs.length < count && performance.now() < endMs) {
      latenciesMs.push(await change(fleet))
    }
    return latenciesMs
  }

  // What the first watch and the first changes make the server load is no cost of each watch.
  const first = await WatcherFleet.connect(peer, 1)
  await first.watch(1)
  await changes(first, FIRST_CHANGES)
  first.close()

  const rssAtStart = peer.process.rssBytes
  const fleet = await WatcherFleet.connect(peer, connections)
  // A round trip: what came before it has been dealt with.
  await callOnce(writer, peer.change(n++))
  const rssConnected = peer.process.rssBytes
  await fleet.watch(WATCHERS)
  await change(fleet)
  const rssWatching = peer.process.rssBytes

  await changes(fleet, WARM_UP_CHANGES)
  const cpuBefore = peer.process.cpuMicros
  const latenciesMs = await changes(fleet, MEASURED_CHANGES)
  const cpuMicros = peer.process.cpuMicros - cpuBefore
  fleet.close()
  writer.close()
  return {
    cpuPerEventMicros: cpuMicros / (latenciesMs.length * WATCHERS),
    p50Ms: median(latenciesMs),
    kbPerWatch: (rssWatching - rssConnected) / WATCHERS / BYTES_PER_KB,
    kbPerConnection: (rssConnected - rssAtStart) / connections / BYTES_PER_KB,
    messageBytes: fleet.messageBytes / fleet.messages,
  }
}

type Fanout = Comparison<keyof Awaited<ReturnType<typeof measure>>>

function rowsOf(title: string, sides: Fanout) {
  return [
    rowOf(sides, 'cpuPerEventMicros', `${title}: server CPU per event`, 'us', {
      of: 'ratio',
      atMost: 0.7,
    }),
    rowOf(sides, 'p50Ms', `${title}: change to last watcher, p50`, 'ms', {
      of: 'ratio',
      atMost: 0.7,
    }),
    rowOf(sides, 'kbPerWatch', `${title}: memory per watch`, 'KB', { of: 'roster', atMost: 10 }),
    rowOf(sides, 'kbPerConnection', `${title}: memory per connection`, 'KB'),
    rowOf(sides, 'messageBytes', `${title}: message`, 'bytes'),
  ]
}

function ratiosOf({ roster, etcd }: Fanout) {
  return {
    cpuPerEventRatio: roster.cpuPerEventMicros / etcd.cpuPerEventMicros,
    p50Ratio: roster.p50Ms / etcd.p50Ms,
    kbPerWatch: roster.kbPerWatch,
    roster,
    etcd,
  }
}
