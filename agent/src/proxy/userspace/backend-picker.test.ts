import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AffinityTable } from './affinity-table.ts'
import { BackendPicker } from './backend-picker.ts'

const none: ReadonlySet<string> = new Set()
const backend = (endpointId: string, weight = 1) => ({
  endpointId,
  address: '127.0.0.1',
  port: 1,
  weight,
  terminating: false,
})
const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 })

describe('a backend picker', () => {
  it('gives each backend its exact share of every full turn', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 3 }), (all, turns) => {
        const picker = new BackendPicker()
        picker.update(
          all.map((weight, n) => backend(`${n}`, weight)),
          undefined,
        )
        const total = all.reduce((sum, weight) => sum + weight, 0)
        const counts = all.map(() => 0)
        for (let n = 0; n < total * turns; n++) {
          const at = Number(picker.pick('', none)?.endpointId)
          counts[at] = (counts[at] ?? 0) + 1
        }
        expect(counts).toEqual(all.map((weight) => weight * turns))
      }),
    )
  })

  it('offers each backend once to one who tries them all, then none', () => {
    fc.assert(
      fc.property(weights, fc.constantFrom(undefined, 1000), (all, timeoutMs) => {
        const picker = new BackendPicker()
        const backends = all.map((weight, n) => backend(`${n}`, weight))
        picker.update(backends, timeoutMs)
        const tried = new Set<string>()
        for (const _ of backends) tried.add(picker.pick('client', tried)?.endpointId ?? 'none')
        expect(tried).toEqual(new Set(backends.map(({ endpointId }) => endpointId)))
        expect(picker.pick('client', tried)).toBeUndefined()
      }),
    )
  })

  it('forgets a client that has not come for the timeout, not one that comes again and again', () => {
    let now = 0
    const picker = new BackendPicker(() => now)
    const [first, ...others] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((id) => backend(id))
    picker.update(first ? [first] : [], 1000)
    picker.pick('client', none)
    picker.update(first ? [first, ...others] : [], 1000)
    const preferred = new BackendPicker()
    preferred.update(picker.backends, 1000)
    expect(preferred.pick('client', none)?.endpointId).not.toBe('a')
    for (now = 900; now < 3_000; now += 900) {
      expect(picker.pick('client', none)?.endpointId).toBe('a')
    }
    now += 1_001
    expect(picker.pick('client', none)?.endpointId).not.toBe('a')
  })

  it('spreads clients it has not seen by the weights', () => {
    const picker = new BackendPicker()
    picker.update([backend('a', 3), backend('b', 1)], 1000)
    const clients = Array.from({ length: 2_000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
    const toA = clients.filter((client) => picker.pick(client, none)?.endpointId === 'a').length
    expect(toA / clients.length).toBeCloseTo(0.75, 1)
  })
})

it('an affinity table forgets the client unseen for longest when it is full', () => {
  const table = new AffinityTable(2)
  for (const client of ['x', 'y']) table.set(client, 'a', 0)
  table.set('x', 'a', 1)
  table.set('z', 'a', 2)
  expect(['x', 'y', 'z'].map((client) => table.get(client, 1000, 3))).toEqual(['a', undefined, 'a'])
  expect(table.size).toBe(2)
})
