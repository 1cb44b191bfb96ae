import { PushedChannel } from './pushed-channel.ts'
import type { Report } from './report.ts'
import { SettingsListeners } from './settings-listeners.ts'
import { median } from './statistics.ts'

const ENDPOINTS = 1_000
const WARM_UP_PUSHES = 20
const PUSHES = 100

/**
 * How long a push blocks the event loop: one of 1,000 connected endpoints changes its
 * weight, and the whole list comes again. The SDK's balancer and grpc-js's round_robin
 * take turns in one process, with the same list from the same resolver.
 */
export async function push(): Promise<Report> {
  const listeners = await SettingsListeners.start(ENDPOINTS)
  const roster = new PushedChannel(listeners.ports, { roster: {} })
  const grpcJs = new PushedChannel(listeners.ports, { round_robin: {} })
  await listeners.connected(2 * ENDPOINTS)
  const blocksMs: { roster: number; grpcJs: number }[] = []
  for (let n = 0; n < WARM_UP_PUSHES + PUSHES; n++) {
    blocksMs.push({ roster: await roster.push(n), grpcJs: await grpcJs.push(n) })
  }
  roster.close()
  grpcJs.close()
  const connections = listeners.accepted
  listeners.close()
  // A reconnection after a push would cost more than the push.
  if (connections > 2 * ENDPOINTS)
    throw new Error(`${connections} connections for 2 x ${ENDPOINTS}`)
  const measured = blocksMs.slice(WARM_UP_PUSHES)
  const side = (name: 'roster' | 'grpcJs') => median(measured.map((block) => block[name]))
  const [ours, theirs] = [side('roster'), side('grpcJs')]
  return {
    rows: [
      {
        what: `push with ${ENDPOINTS} endpoints, one changed`,
        unit: 'ms',
        roster: ours,
        grpcJs: theirs,
        goal: { of: 'ratio', atMost: 0.5 },
      },
    ],
    json: { ratio: ours / theirs, rosterMs: ours, grpcJsMs: theirs },
  }
}
