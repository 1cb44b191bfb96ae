import { startEtcd } from './etcd-peer.ts'
import type { Peer } from './peer.ts'
import type { Goal, Row } from './report.ts'
import { startRosterPeer } from './roster-peer.ts'
import { medians } from './statistics.ts'

const VALUE_BYTES = 150

/** The same figures of both sides. */
export type Comparison<Key extends string> = Record<Peer['name'], Record<Key, number>>

/**
 * Measures both sides in turn, round after round, each round with a server newly
 * started; returns the medians.
 */
export async function compare<Key extends string>(
  rounds: number,
  measure: (peer: Peer) => Promise<Record<Key, number>>,
): Promise<Comparison<Key>> {
  const sides: Record<Peer['name'], Record<Key, number>[]> = { roster: [], etcd: [] }
  for (let round = 0; round < rounds; round++) {
    // A put writes about as much as a watcher of the registry is told.
    for (const start of [() => startEtcd(VALUE_BYTES), startRosterPeer]) {
      const peer = await start()
      sides[peer.name].push(await measure(peer))
      await peer.process.stop()
    }
  }
  return { roster: medians(sides.roster), etcd: medians(sides.etcd) }
}

/** A line of the table for one figure of a comparison. */
export function rowOf<Key extends string>(
  sides: Comparison<Key>,
  key: Key,
  what: string,
  unit: string,
  goal?: Goal,
): Row {
  return { what, unit, roster: sides.roster[key], etcd: sides.etcd[key], ...(goal && { goal }) }
}
