import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTarget, parseTargetParts, printTarget } from './target.ts'

const letters = 'abcdefghijklmnopqrstuvwxyz'
const label = fc
  .tuple(
    fc.constantFrom(...letters),
    fc.string({ unit: fc.constantFrom(...letters, '-', '0', '9'), maxLength: 40 }),
  )
  .map(([first, rest]) => `${first}${rest}`.replace(/-+$/, ''))
const target = fc.record(
  {
    registry: fc.constantFrom('', '10.0.0.1:7400', '[::1]:7400', 'registry.infra:7400'),
    namespace: label,
    service: label,
    port: fc.oneof(label, fc.integer({ min: 1, max: 65_535 })),
  },
  { requiredKeys: ['registry', 'namespace', 'service'] },
)

describe('a target', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(target, (given) => {
        expect(parseTarget(printTarget(given))).toEqual(given)
      }),
    )
  })

  it.each([
    ['roster:///orders', { registry: '', namespace: 'default', service: 'orders' }],
    ['roster:///shop/orders', { registry: '', namespace: 'shop', service: 'orders' }],
    ['shop/orders', { registry: '', namespace: 'shop', service: 'orders' }],
    ['orders', { registry: '', namespace: 'default', service: 'orders' }],
    ['orders:8080', { registry: '', namespace: 'default', service: 'orders', port: 8080 }],
    [
      'roster://r:7400/shop/orders:grpc',
      { registry: 'r:7400', namespace: 'shop', service: 'orders', port: 'grpc' },
    ],
  ])('%s is understood', (text, expected) => {
    expect(parseTarget(text)).toEqual(expected)
  })

  it.each([
    '',
    'roster:///',
    'roster:///a/b/c',
    'Shop/orders',
    'shop/9orders',
    'shop/orders:',
    'orders:0',
    'orders:65536',
    'shop/or_ders',
    'dns:///orders',
    `shop/${'x'.repeat(64)}`,
  ])('%j is refused', (text) => {
    expect(() => parseTarget(text)).toThrow(/invalid target/)
  })

  it('is the same when grpc-js has cut it already', () => {
    expect(parseTargetParts('r:7400', 'shop/orders:grpc')).toEqual(
      parseTarget('roster://r:7400/shop/orders:grpc'),
    )
  })
})
