import { describe, expect, it } from 'vitest'
import { AnnotationReader } from './service-annotations.ts'

/** A reader, and what it complains of. */
function reading() {
  const complaints: string[] = []
  const reader = new AnnotationReader((annotation, reason) =>
    complaints.push(`${annotation}: ${reason}`),
  )
  return { reader, complaints }
}

describe('the annotations of a service', () => {
  it('say how it wants to be called', () => {
    const { reader, complaints } = reading()
    const read = reader.read({
      'roster.dev/load-balancing': '{"policy": "least_request", "choices": 3}',
      'roster.dev/retry': 'off',
      'roster.dev/hedging': '{"methods": ["shop.Orders/Get"], "delayMs": 30}',
      'roster.dev/not-idempotent-methods': 'shop.Orders/Place, shop.Cart/*',
      'roster.dev/ejection': '{"intervalMs": 1000}',
      'roster.dev/slow-start-ms': '0',
      'roster.dev/subset-size': '20',
      'example.org/owner': 'shop',
    })
    expect({ read, complaints }).toEqual({
      complaints: [],
      read: {
        policy: { policy: 'least_request', choices: 3 },
        retry: false,
        hedging: { methods: ['shop.Orders/Get'], maxAttempts: 2, delayMs: 30 },
        notIdempotentMethods: ['shop.Orders/Place', 'shop.Cart/*'],
        ejection: { intervalMs: 1_000 },
        slowStartMs: 0,
        subsetSize: 20,
      },
    })
  })

  it('may name a policy alone', () => {
    expect(reading().reader.read({ 'roster.dev/load-balancing': 'weighted' })).toEqual({
      policy: { policy: 'weighted' },
    })
  })

  it('stay as they were when one becomes wrong, which is complained of once', () => {
    const { reader, complaints } = reading()
    reader.read({ 'roster.dev/load-balancing': 'weighted', 'roster.dev/slow-start-ms': '5' })
    const wrong = { 'roster.dev/load-balancing': 'of-the-future', 'roster.dev/slow-start-ms': '6' }
    expect(reader.read(wrong)).toEqual({ policy: { policy: 'weighted' }, slowStartMs: 6 })
    reader.read(wrong)
    expect(complaints).toEqual([
      expect.stringMatching(/^roster.dev\/load-balancing: policy is "of-the-future"/),
    ])
  })

  it('hold no longer when they are taken away', () => {
    const { reader } = reading()
    reader.read({ 'roster.dev/load-balancing': 'weighted' })
    expect(reader.read({})).toEqual({})
  })

  it.each(['roster.dev/retry', 'roster.dev/ejection', 'roster.dev/subset-size'])(
    '%s that is no JSON is passed over',
    (name) => {
      const { reader, complaints } = reading()
      expect(reader.read({ [name]: 'on {' })).toEqual({})
      expect(complaints).toHaveLength(1)
    },
  )
})
