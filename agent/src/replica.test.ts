import type {
  EndpointChange__Output,
  EndpointSet__Output,
  WatchEndpointsResponse__Output,
} from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { Replica } from './replica.ts'

const set = (service: string, hashes: readonly number[]) =>
  ({
    namespace: 'demo',
    service,
    definition: { metadata: null, spec: null, status: null },
    endpoints: hashes.map((hash) => ({ id: `e${hash}`, hash })),
    emptyReason: 'EMPTY_REASON_UNSPECIFIED',
    hash: 0,
  }) as unknown as EndpointSet__Output

const told = (event: Partial<WatchEndpointsResponse__Output>, revision = 1) =>
  ({ revision, triggerTime: null, ...event }) as WatchEndpointsResponse__Output

const snapshot = (service: string, ...hashes: number[]) => told({ snapshot: set(service, hashes) })

const bookmark = (hash: number, services: number, { storeId = 's1', revision = 9 } = {}) =>
  told({ bookmark: { storeId, sets: [{ namespace: '', service: '', hash, services }] } }, revision)

/** A replica that has these services of store s1 at revision 5, and a new stream. */
function resumed(...services: string[]): Replica {
  const before = new Replica({ sets: new Map() })
  for (const service of services) before.receive(snapshot(service, 1))
  return new Replica({ sets: before.sets, place: { storeId: 's1', revision: 5 } })
}

const names = (replica: Replica) => [...replica.sets.keys()].sort()

describe('a replica', () => {
  it('is whole when its sum and number of services are the bookmark’s', () => {
    const replica = new Replica({ sets: new Map() })
    replica.receive(snapshot('a', 1, 2))
    replica.receive(snapshot('b', 4))
    expect(replica.receive(bookmark(7, 2))).toBe('whole')
    expect(replica.place).toEqual({ storeId: 's1', revision: 9 })
  })

  it('keeps what is not sent again when it resumed', () => {
    const replica = resumed('a', 'b')
    replica.receive(snapshot('b', 3))
    expect([replica.receive(bookmark(4, 2)), names(replica)]).toEqual([
      'whole',
      ['demo/a', 'demo/b'],
    ])
  })

  it('that missed a deletion while away is torn, and keeps its place', () => {
    const replica = resumed('a', 'b')
    expect([replica.receive(bookmark(1, 1)), replica.place]).toEqual(['torn', undefined])
  })

  it('asked for everything, forgets what is not sent again', () => {
    const replica = resumed('a', 'b')
    replica.receive(bookmark(1, 1))
    replica.awaitAll()
    replica.receive(snapshot('b', 1))
    expect([replica.receive(bookmark(1, 1)), names(replica)]).toEqual(['whole', ['demo/b']])
  })

  it('forgets nothing for a bookmark that was on its way when everything was asked for', () => {
    const replica = resumed('a', 'b')
    replica.receive(bookmark(2, 2))
    replica.awaitAll()
    replica.receive(bookmark(2, 2))
    expect(names(replica)).toEqual(['demo/a', 'demo/b'])
  })

  it('of another history forgets what that does not know', () => {
    const replica = resumed('a', 'b')
    replica.receive(snapshot('c', 1))
    const outcome = replica.receive(bookmark(1, 1, { storeId: 's2' }))
    expect([outcome, names(replica)]).toEqual(['whole', ['demo/c']])
  })

  it('of a history that was set back forgets what that no longer knows', () => {
    const replica = resumed('a', 'b')
    replica.receive(snapshot('a', 1))
    expect([replica.receive(bookmark(1, 1, { revision: 3 })), names(replica)]).toEqual([
      'whole',
      ['demo/a'],
    ])
  })

  it('takes a service out that is told to be gone', () => {
    const replica = resumed('a')
    replica.receive(told({ snapshot: { ...set('a', []), definition: null } }))
    expect([names(replica), [...replica.takeChanged()]]).toEqual([[], ['demo/a']])
  })

  it('is torn by a change that does not lead where it says', () => {
    const replica = resumed('a')
    const change: Omit<EndpointChange__Output, 'hash'> = {
      namespace: 'demo',
      service: 'a',
      added: [],
      changed: [],
      removed: ['e1'],
      emptyReason: 'EMPTY_REASON_SCALED_TO_ZERO',
    }
    const right = replica.receive(told({ change: { ...change, hash: 0 } }))
    const wrong = replica.receive(told({ change: { ...change, hash: 5 } }))
    expect([right, wrong]).toEqual(['told', 'torn'])
  })
})
