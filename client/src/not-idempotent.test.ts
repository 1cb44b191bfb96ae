import { HealthDefinition } from 'nice-grpc-server-health'
import { describe, expect, it } from 'vitest'
import { notIdempotentMethods, serviceNames } from './not-idempotent.ts'

const method = (name: string, options: object = {}) => ({
  path: `/shop.v1.Orders/${name}`,
  options,
})

describe('the methods that are not idempotent', () => {
  it.each([
    ['proto-loader writes them', { idempotency_level: 'IDEMPOTENT' }],
    ['proto-loader writes them', { idempotency_level: 'NO_SIDE_EFFECTS' }],
    ['nice-grpc writes them', { idempotencyLevel: 'IDEMPOTENT' }],
    ['nice-grpc writes them', { idempotencyLevel: 'NO_SIDE_EFFECTS' }],
  ])('leave out those whose options say otherwise, as %s', (_, options) => {
    const orders = { Get: method('Get', options), Place: method('Place') }
    expect(notIdempotentMethods([orders])).toEqual(['shop.v1.Orders/Place'])
  })

  it('are those of unknown level too, which is what proto-loader writes for no option', () => {
    const unknown = { idempotency_level: 'IDEMPOTENCY_UNKNOWN' }
    const known = { idempotency_level: 'IDEMPOTENT' }
    const orders = { Get: method('Get', known), Place: method('Place', unknown) }
    expect(notIdempotentMethods([orders])).toEqual(['shop.v1.Orders/Place'])
  })

  it('are one pattern where they are the whole service', () => {
    const orders = { Place: method('Place'), Cancel: method('Cancel') }
    expect(notIdempotentMethods([orders])).toEqual(['shop.v1.Orders/*'])
  })

  it('are none where all may run twice', () => {
    const orders = { Get: method('Get', { idempotencyLevel: 'IDEMPOTENT' }) }
    expect(notIdempotentMethods([orders])).toEqual([])
  })

  it('are found in a definition of ts-proto', () => {
    expect(notIdempotentMethods([HealthDefinition])).toEqual(['grpc.health.v1.Health/*'])
  })
})

it('a service is named once, without its methods', () => {
  const orders = { Place: method('Place'), Cancel: method('Cancel') }
  expect(serviceNames([orders, HealthDefinition])).toEqual([
    'shop.v1.Orders',
    'grpc.health.v1.Health',
  ])
})
