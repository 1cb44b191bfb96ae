import { Metadata } from '@grpc/grpc-js'
import { Metadata as NiceMetadata } from 'nice-grpc-common'
import { expect, it } from 'vitest'
import { type CallHint, writeHint } from './hint.ts'

const headersOf = (hint: CallHint) => writeHint(new Metadata(), hint).getMap()

it('a hint is written into headers', () => {
  const hint = { hashKey: 'user 1', endpoint: 'web-1', strict: true, avoid: ['web-2/u', 'web-3/u'] }
  expect(headersOf(hint)).toEqual({
    'roster-hash-key': 'user 1',
    'roster-endpoint': 'web-1',
    'roster-endpoint-mode': 'strict',
    'roster-avoid': 'web-2/u,web-3/u',
  })
})

it('a hint of nothing has no headers', () => {
  expect(headersOf({ avoid: [], strict: false })).toEqual({})
})

it('a key of any letters can be hashed', () => {
  expect(headersOf({ hashKey: 'Zoë' })).toEqual({ 'roster-hash-key': 'Zo%C3%AB' })
})

it('a hint is of use to nice-grpc too', () => {
  expect(NiceMetadata(headersOf({ hashKey: 'u1' })).get('roster-hash-key')).toBe('u1')
})

it.each<[string, unknown, string]>([
  ['that is missing', undefined, 'the hint is undefined: it must be an object'],
  ['that is a text', 'web-1', "the hint is 'web-1': it must be an object"],
  ['to avoid what is no list', { avoid: 'x' }, "hint.avoid is 'x': it must be a list"],
  ['to avoid what has no name', { avoid: [7] }, 'hint.avoid is [ 7 ]: it must be a list'],
  ['with a key that is a number', { hashKey: 5n }, 'hint.hashKey is 5n: it must be a string'],
  ['for an endpoint that no header can name', { endpoint: 'Zoë' }, "hint.endpoint is 'Zoë'"],
  ['that may be strict', { strict: 'yes' }, "hint.strict is 'yes': it must be true or false"],
  ['with a typing error', { hashkey: 'x' }, 'hint.hashkey is unknown: use hashKey, endpoint'],
])('a hint %s is refused', (_, hint, message) => {
  expect(() => headersOf(hint as CallHint)).toThrow(
    expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(message) }),
  )
})
