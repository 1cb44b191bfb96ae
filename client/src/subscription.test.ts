import type { EndpointChange__Output, EndpointSet__Output } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import type { EndpointState } from './endpoint-source.ts'
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
