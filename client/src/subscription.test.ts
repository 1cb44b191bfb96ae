import type { EndpointChange__Output, EndpointSet__Output } from '@roster/proto'
import { describe, expect, it, vi } from 'vitest'
import type { EndpointState } from './endpoint-source.ts'
import type { RosterEvent } from './events.ts'
import { RosterError } from './roster-error.ts'
import { Subscription } from './subscription.ts'

const name = { namespace: 'shop', service: 'web' }
const endpoint = (id: string, hash: number) => ({
  id,
  pod: id,
  addresses: ['10.0.0.1'],
  ports: [],
  ready: true,
  serving: true,
  terminating: false,
  hostname: '',
  nodeName: '',
  zone: '',
  weight: 100,
  notIdempotentMethods: [],
  hash,
})
const snapshot: EndpointSet__Output = {
  ...name,
  definition: null,
  endpoints: [endpoint('a', 7)],
  emptyReason: 'EMPTY_REASON_UNSPECIFIED',
  hash: 7,
}
const addB = (hash: number): EndpointChange__Output => ({
  ...name,
  added: [endpoint('b', 5)],
  changed: [],
  removed: [],
  emptyReason: 'EMPTY_REASON_UNSPECIFIED',
  hash,
})

/** A subscription with one endpoint, at revision 3 of history h, and what its listener hears. */
function subscribed() {
  const subscription = new Subscription(name)
  const heard: EndpointState[] = []
  subscription.add((state) => heard.push(state))
  subscription.applySnapshot(snapshot, 3, undefined)
  subscription.confirm(7, 3, 'h')
  heard.length = 0
  return { subscription, heard }
}
const idsOf = ({ set }: Subscription) => set?.endpoints.map(({ id }) => id)

describe('a subscription', () => {
  it('takes over a change that adds up', () => {
    const { subscription, heard } = subscribed()
    expect(subscription.applyChange(addB(12), 4)).toBe(true)
    expect(idsOf(subscription)).toEqual(['a', 'b'])
    expect(heard).toEqual([{ set: subscription.set }])
  })

  it('keeps what it has when a change does not add up', () => {
    const { subscription, heard } = subscribed()
    expect(subscription.applyChange(addB(13), 4)).toBe(false)
    expect(idsOf(subscription)).toEqual(['a'])
    expect(heard).toEqual([])
  })

  it('passes over a change of a set it does not have', () => {
    const subscription = new Subscription(name)
    expect(subscription.applyChange(addB(12), 4)).toBe(true)
    expect(subscription.set).toBeUndefined()
  })

  it('notices a bookmark that does not add up', () => {
    expect(subscribed().subscription.confirm(8, 4, 'h')).toBe(false)
  })
})

describe('what a subscription resumes from', () => {
  it('is the newest change or bookmark, with its history', () => {
    const { subscription } = subscribed()
    expect(subscription.resume).toEqual({ storeId: 'h', revision: 3 })
    subscription.applyChange(addB(12), 4)
    expect(subscription.resume).toEqual({ storeId: 'h', revision: 4 })
    subscription.confirm(12, 9, 'h')
    expect(subscription.resume).toEqual({ storeId: 'h', revision: 9 })
  })

  it('is nothing after a snapshot of a history that is not known yet', () => {
    const { subscription } = subscribed()
    subscription.applySnapshot(snapshot, 1, undefined)
    expect(subscription.resume).toBeUndefined()
  })

  it('is nothing after it was told to forget', () => {
    const { subscription } = subscribed()
    subscription.forget()
    expect(subscription.resume).toBeUndefined()
  })
})

describe('a listener', () => {
  it('that comes late is told what is known, after it was added', async () => {
    const { subscription } = subscribed()
    const heard: EndpointState[] = []
    subscription.add((state) => heard.push(state))
    expect(heard).toEqual([])
    await new Promise(process.nextTick)
    expect(heard).toEqual([{ set: subscription.set }])
  })

  it('hears of an outage only while nothing is known', () => {
    const error = new RosterError('UNAVAILABLE', 'away')
    const { subscription, heard } = subscribed()
    subscription.fail(error)
    const ignorant = new Subscription(name)
    ignorant.add((state) => heard.push(state))
    ignorant.fail(error)
    expect(heard).toEqual([{ error }])
  })
})

const later = (claim: () => void) => vi.waitFor(claim, { interval: 5 })
const snapshotOf = (...ids: string[]): EndpointSet__Output => ({
  ...snapshot,
  endpoints: ids.map((id) => endpoint(id, 1)),
  hash: ids.length,
})
const idsHeard = (heard: readonly EndpointState[]) =>
  heard.map(({ set }) => set?.endpoints.map(({ id }) => id))

describe('a set of a former life', () => {
  /** A subscription that begins with endpoint a, at revision 3 of history h. */
  function withFormer(graceMs: number) {
    const before = subscribed().subscription.known
    const subscription = new Subscription(name, { former: before, graceMs })
    const heard: EndpointState[] = []
    subscription.add((state) => heard.push(state))
    return { subscription, heard, former: before?.set }
  }

  it('is told as stale when the registry has not answered in time', async () => {
    const { heard, former } = withFormer(1)
    await later(() => expect(heard).toEqual([{ set: former, isStale: true }]))
  })

  it('is told as good as soon as the registry confirms it', () => {
    const { subscription, heard, former } = withFormer(60_000)
    subscription.confirm(7, 5, 'h')
    expect(heard).toEqual([{ set: former }])
  })

  it('is told as good when the registry confirms it after all', async () => {
    const { subscription, heard, former } = withFormer(1)
    await later(() => expect(heard).toHaveLength(1))
    subscription.confirm(7, 5, 'h')
    subscription.confirm(7, 6, 'h')
    expect(heard.slice(1)).toEqual([{ set: former }])
  })

  it('is where the next subscription resumes', () => {
    expect(withFormer(60_000).subscription.resume).toEqual({ storeId: 'h', revision: 3 })
  })

  it('makes an outage no news', () => {
    const { subscription, heard } = withFormer(60_000)
    subscription.fail(new RosterError('UNAVAILABLE', 'away'))
    expect(heard).toEqual([])
  })

  it('takes changes, as the registry sends them to who resumes', () => {
    const { subscription, heard } = withFormer(60_000)
    subscription.applyChange(addB(12), 4)
    expect(idsHeard(heard)).toEqual([['a', 'b']])
  })
})

describe('a registry without its data', () => {
  /** A subscription to endpoints that history h knows, whose stream has begun anew. */
  function knowing(ids: readonly string[], protectMs = 60_000) {
    const events: RosterEvent[] = []
    const onEvent = (event: RosterEvent) => events.push(event)
    const subscription = new Subscription(name, { protectMs, onEvent })
    subscription.applySnapshot(snapshotOf(...ids), 3, undefined)
    subscription.confirm(ids.length, 3, 'h')
    const heard: EndpointState[] = []
    subscription.add((state) => heard.push(state))
    return { subscription, heard, events }
  }
  const change = (own: Partial<EndpointChange__Output>): EndpointChange__Output => ({
    ...addB(0),
    added: [],
    ...own,
  })

  it('takes no endpoint out of use at first, and the losses are reported', () => {
    const { subscription, heard, events } = knowing(['a', 'b', 'c'])
    subscription.applySnapshot(snapshotOf('a'), 1, undefined)
    expect(heard).toEqual([])
    subscription.confirm(1, 1, 'new')
    expect(idsHeard(heard)).toEqual([['a', 'b', 'c']])
    expect(events).toEqual([{ type: 'protected', ...name, endpoints: 2, forMs: 60_000 }])
  })

  it('keeps the service, too, when it does not know that either', () => {
    const { subscription } = knowing([])
    const definition = { metadata: null, spec: null, status: null }
    subscription.applySnapshot({ ...snapshotOf('a', 'b'), definition }, 4, 'h')
    subscription.applySnapshot(snapshotOf(), 1, undefined)
    subscription.confirm(0, 1, 'new')
    expect(subscription.set?.definition).toBe(definition)
  })

  it('is believed after the time of a lease', async () => {
    const { subscription, heard } = knowing(['a', 'b', 'c'], 1)
    subscription.applySnapshot(snapshotOf('a'), 1, undefined)
    subscription.confirm(1, 1, 'new')
    await later(() => expect(idsHeard(heard)).toEqual([['a', 'b', 'c'], ['a']]))
  })

  it('is believed at once about an endpoint that came back and left', () => {
    const { subscription } = knowing(['a', 'b', 'c'])
    subscription.applySnapshot(snapshotOf('a'), 1, undefined)
    subscription.confirm(1, 1, 'new')
    subscription.applyChange(change({ added: [endpoint('b', 1)], hash: 2 }), 2)
    subscription.applyChange(change({ removed: ['b'], hash: 1 }), 3)
    expect(idsOf(subscription)).toEqual(['a', 'c'])
  })

  it('is believed when less is missing than a loss of data would take', () => {
    const { subscription, events } = knowing(['a', 'b', 'c', 'd'])
    subscription.applySnapshot(snapshotOf('a', 'b'), 1, undefined)
    subscription.confirm(2, 1, 'new')
    expect(idsOf(subscription)).toEqual(['a', 'b'])
    expect(events).toEqual([])
  })

  it('is believed about a lone endpoint, whose end needs no such explanation', () => {
    const { subscription } = knowing(['a'])
    subscription.applySnapshot(snapshotOf(), 1, undefined)
    subscription.confirm(0, 1, 'new')
    expect(idsOf(subscription)).toEqual([])
  })

  it('is not believed by way of a third one either', () => {
    const { subscription } = knowing(['a', 'b', 'c'])
    for (const storeId of ['second', 'third']) {
      subscription.applySnapshot(snapshotOf(), 1, undefined)
      subscription.confirm(0, 1, storeId)
    }
    expect(idsOf(subscription)).toEqual(['a', 'b', 'c'])
  })

  it('does not become believable by a stream that breaks before its first bookmark', () => {
    const { subscription, heard } = knowing(['a', 'b', 'c'])
    subscription.applySnapshot(snapshotOf(), 1, undefined)
    expect(subscription.resume).toBeUndefined()
    subscription.applySnapshot(snapshotOf(), 1, undefined)
    subscription.confirm(0, 1, 'new')
    expect(idsHeard(heard)).toEqual([['a', 'b', 'c']])
  })
})

describe('a registry that has its data', () => {
  it('is believed that all endpoints are gone, once it has said which history it has', () => {
    const { subscription, heard } = subscribed()
    subscription.applySnapshot(snapshotOf('a', 'b', 'c'), 4, 'h')
    heard.length = 0
    subscription.applySnapshot(snapshotOf(), 9, undefined)
    expect(heard).toEqual([])
    subscription.confirm(0, 9, 'h')
    expect(idsHeard(heard)).toEqual([[]])
  })

  it('is believed at once about a change', () => {
    const { subscription, heard } = subscribed()
    subscription.applySnapshot(snapshotOf('a', 'b', 'c'), 4, 'h')
    heard.length = 0
    subscription.applyChange({ ...addB(0), added: [], removed: ['a', 'b', 'c'] }, 5)
    expect(idsHeard(heard)).toEqual([[]])
  })
})
