import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyChange, type Endpoint, fromSnapshot } from './endpoint-set.ts'

const endpointOf = (id: string, own: Partial<Endpoint> = {}) => ({
  id,
  pod: id,
  hostname: '',
  nodeName: '',
  zone: '',
  ready: true,
  serving: true,
  terminating: false,
  weight: 100,
  hash: 1,
  ...own,
  notIdempotentMethods: [],
  addresses: [...(own.addresses ?? ['10.0.0.1'])],
  ports: [...(own.ports ?? [])],
})
const snapshotOf = (endpoints: ReturnType<typeof endpointOf>[], emptyReason = 'SCALED_TO_ZERO') =>
  fromSnapshot(
    {
      namespace: 'shop',
      service: 'web',
      definition: null,
      endpoints,
      emptyReason: `EMPTY_REASON_${emptyReason}` as 'EMPTY_REASON_SCALED_TO_ZERO',
      hash: 0,
    },
    1,
  )
const ids = (endpoints: readonly Endpoint[]) => endpoints.map((endpoint) => endpoint.id)

describe('a change of an endpoint set', () => {
  const hash = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const state = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), hash)

  it('leads from any set to any other, with the sum of its hashes', () => {
    fc.assert(
      fc.property(state, state, (from, to) => {
        const set = snapshotOf(Object.entries(from).map(([id, hash]) => endpointOf(id, { hash })))
        const entries = Object.entries(to).map(([id, hash]) => endpointOf(id, { hash }))
        const next = applyChange(
          set,
          {
            namespace: 'shop',
            service: 'web',
            added: entries.filter(({ id }) => !(id in from)),
            changed: entries.filter(({ id, hash }) => id in from && from[id] !== hash),
            removed: Object.keys(from).filter((id) => !(id in to)),
            emptyReason: 'EMPTY_REASON_UNSPECIFIED',
            hash: 0,
          },
          2,
        )
        const sum = Object.values(to).reduce((total, hash) => total + BigInt(hash), 0n)
        expect(Object.fromEntries(next.endpoints.map(({ id, hash }) => [id, hash]))).toEqual(to)
        expect(next.hash).toBe(Number(sum % 2n ** 32n))
      }),
    )
  })

  it('leaves the set it was made from as it was', () => {
    const set = snapshotOf([endpointOf('a')])
    applyChange(
      set,
      {
        namespace: 'shop',
        service: 'web',
        added: [],
        changed: [],
        removed: ['a'],
        emptyReason: 'EMPTY_REASON_SCALED_TO_ZERO',
        hash: 0,
      },
      2,
    )
    expect(ids(set.endpoints)).toEqual(['a'])
  })
})
