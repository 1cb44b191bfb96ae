import { callAll } from './calls.ts'
import { compare, rowOf } from './comparison.ts'
import type { Peer } from './peer.ts'
import type { Report } from './report.ts'
import { WatcherFleet } from './watcher-fleet.ts'

const WATCHERS = 1_000
const CONNECTIONS = 20
const CHANGES = 1_000
/** As many as a server has had that has run for a minute: enough to compile its code. */
const WARM_UP_CHANGES = 3_000
const CALLERS = 64
const ROUNDS = 3

/**
 * 1,000 changes of one service as fast as they go: time from the first of them until
 * all of 1,000 watchers have the final state.
 */
export async function burst(): Promise<Report> {
  const sides = await compare(ROUNDS, measure)
  const { roster, etcd } = sides
  return {
    rows: [
      rowOf(sides, 'seconds', 'first change to final state everywhere', 's', {
        of: 'ratio',
        atMost: 0.1,
      }),
      rowOf(sides, 'writeSeconds', 'first change to last acknowledgement', 's'),
      rowOf(sides, 'messagesPerWatcher', 'each watcher is told', 'messages'),
    ],
    json: { ratio: roster.seconds / etcd.seconds, roster, etcd },
  }
}

async function measure(peer: Peer) {
  await peer.prepare()
  const writer = await peer.process.connect(peer.address)
  const fleet = await WatcherFleet.connect(peer, CONNECTIONS)
  await fleet.watch(WATCHERS)
  const apply = async (from: number, count: number) => {
    let revision = 0
    const calls = Array.from({ length: count }, (_, i) => peer.change(from + i))
    const startMs = performance.now()
    const onResponse = (response: Buffer) => {
      revision = Math.max(revision, peer.changedRevision(response))
    }
    await callAll([writer], calls, { callers: CALLERS, onResponse })
    const writtenMs = performance.now()
    const reachedMs = await fleet.reached(revision)
    return { seconds: (reachedMs - startMs) / 1000, writeSeconds: (writtenMs - startMs) / 1000 }
  }
  await apply(1, WARM_UP_CHANGES)
  const messagesBefore = fleet.messages
  const times = await apply(1 + WARM_UP_CHANGES, CHANGES)
  const messagesPerWatcher = (fleet.messages - messagesBefore) / WATCHERS
  fleet.close()
  writer.close()
  return { ...times, messagesPerWatcher }
}
