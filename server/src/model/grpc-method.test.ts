import { describe, expect, it } from 'vitest'
import { grpcMethod } from './grpc-method.ts'

describe('grpcMethod', () => {
  it.each([
    'shop.v1.Orders/Pay',
    'shop.v1.Orders/*',
    'Echo/Say',
    '_a.B_1/c_2',
    `${'a'.repeat(254)}/b`,
  ])('takes %s', (method) => {
    expect(grpcMethod(method)).toEqual([])
  })

  it.each([
    '',
    'Pay',
    '/shop.v1.Orders/Pay',
    'shop.v1.Orders/',
    'shop.v1.Orders',
    'shop.v1.*/Pay',
    'shop..Orders/Pay',
    '.Orders/Pay',
    'shop.Orders./Pay',
    'shop.Orders/Pay/Now',
    'shop.Orders/Pay ',
    'shop.Orders/P*',
    '1shop.Orders/Pay',
    'shop.Orders/Zahlé',
    'a.B/C\n',
  ])('refuses %j', (method) => {
    expect(grpcMethod(method)).toEqual([
      'must be package.Service/Method, or package.Service/* for all methods of a service',
    ])
  })

  it('refuses more than 256 characters', () => {
    expect(grpcMethod(`${'a'.repeat(255)}/b`)).toEqual(['must be no more than 256 characters'])
  })
})
