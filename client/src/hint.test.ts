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
