import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  callArgs,
  countOf,
  equalEndpoints,
  pickedId,
  readyEndpoint,
} from '../../../test/support/ready-endpoints.ts'
import { HASH_KEY_HEADER } from './call-hints.ts'
import { MaglevPicker } from './maglev.ts'
import type { MaglevConfig } from './policy-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

const maglev = (ready: readonly ReadyEndpoint[], config: Partial<MaglevConfig> = {}) =>
  new MaglevPicker(ready, { policy: 'maglev', ...config })

const idFor = (picker: MaglevPicker, key: string) =>
  pickedId(picker.pick(callArgs({ [HASH_KEY_HEADER]: key })))

const manyKeys = Array.from({ length: 5_000 }, (_, i) => `user-${i}`)
const keys = manyKeys.slice(0, 500)

describe('maglev', () => {
  it('sends a key to the same endpoint whatever the order and the addresses of the endpoints', () => {
    const endpoints = equalEndpoints(7)
    const before = maglev(endpoints)
    const anyOrder = fc.shuffledSubarray(endpoints, { minLength: 7 })
    fc.assert(
      fc.property(anyOrder, (shuffled) => {
        const moved = shuffled.map(({ endpoint: { id } }) =>
          readyEndpoint(id, { key: 'elsewhere' }),
        )
        const after = maglev(moved)
        expect(manyKeys.filter((key) => idFor(before, key) !== idFor(after, key))).toEqual([])
      }),
      { numRuns: 5 },
    )
  })

  it('spreads keys over all endpoints', () => {
    const picker = maglev(equalEndpoints(5))
    const counts = [...countOf(keys.map((key) => idFor(picker, key))).values()]
    // Of 500 keys 100 each, with a standard deviation of 9.
    expect([counts.length, Math.min(...counts) > 55]).toEqual([5, true])
  })

  it('moves hardly a key from the endpoints that stay', () => {
    const endpoints = equalEndpoints(10)
    const before = maglev(endpoints)
    const after = maglev(endpoints.slice(0, 9))
    const stayed = keys.filter((key) => idFor(before, key) !== 'e9')
    const moved = stayed.filter((key) => idFor(before, key) !== idFor(after, key))
    expect(moved.length / stayed.length).toBeLessThan(0.03)
  })

  it('hashes by the header of the config', () => {
    const picker = maglev(equalEndpoints(50), { hashHeader: 'x-user' })
    const ids = Array.from({ length: 20 }, () => pickedId(picker.pick(callArgs({ 'x-user': 'a' }))))
    expect(new Set(ids).size).toBe(1)
  })

  it('leaves the header of the config on the wire', () => {
    const args = callArgs({ 'x-user': 'a' })
    maglev(equalEndpoints(3), { hashHeader: 'x-user' }).pick(args)
    expect(args.metadata.get('x-user')).toEqual(['a'])
  })

  it('prefers the hint to that header', () => {
    const picker = maglev(equalEndpoints(50), { hashHeader: 'x-user' })
    const ids = keys.map((user) =>
      pickedId(picker.pick(callArgs({ 'x-user': user, [HASH_KEY_HEADER]: 'a' }))),
    )
    expect(new Set(ids)).toEqual(new Set([idFor(picker, 'a')]))
  })

  it('prefers the key of the config to both', () => {
    const picker = maglev(equalEndpoints(50), { hashHeader: 'x-user', hashKey: 'node-1' })
    const ids = keys.map((key) =>
      pickedId(picker.pick(callArgs({ 'x-user': key, [HASH_KEY_HEADER]: key }))),
    )
    expect(new Set(ids).size).toBe(1)
  })

  it('sends calls without a key anywhere', () => {
    const picker = maglev(equalEndpoints(3), { hashHeader: 'x-user' })
    const ids = Array.from({ length: 200 }, () => pickedId(picker.pick(callArgs())))
    expect(new Set(ids).size).toBe(3)
  })

  it('sends the retries of a key to the same other endpoint in every client', () => {
    const retryOf = () => {
      const picker = maglev(equalEndpoints(9))
      const args = callArgs({ [HASH_KEY_HEADER]: 'a' })
      picker.pick(args)
      return pickedId(picker.pick(args))
    }
    expect(retryOf()).toBe(retryOf())
  })

  it('does not build its table anew when only what is said of the endpoints changes', () => {
    const endpoints = equalEndpoints(1_000)
    const firstPickMs = (ready: readonly ReadyEndpoint[]) => {
      const startMs = performance.now()
      maglev(ready).pick(callArgs())
      return performance.now() - startMs
    }
    const builtMs = Math.min(...Array.from({ length: 5 }, () => firstPickMs(equalEndpoints(1_000))))
    firstPickMs(endpoints)
    const reusedMs = Math.min(
      ...Array.from({ length: 5 }, () => firstPickMs(endpoints.map((one) => ({ ...one })))),
    )
    expect(reusedMs).toBeLessThan(builtMs / 2)
  })

  it('builds it anew when an endpoint weighs more', () => {
    const [a, b] = equalEndpoints(2)
    const share = (weight: number) => {
      const heavier = { ...b!, endpoint: { ...b!.endpoint, weight } }
      const picker = maglev([a!, heavier])
      return keys.filter((key) => idFor(picker, key) === 'e1').length / keys.length
    }
    const [before, after] = [share(100), share(900)]
    expect([before < 0.6, after > 0.8]).toEqual([true, true])
  })
})
