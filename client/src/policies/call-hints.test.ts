import { Metadata } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { takeHints } from './call-hints.ts'

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value)
  return metadata
}

describe('the hints of a call', () => {
  it('are none without a hint', () => {
    expect(takeHints(metadataOf({ 'x-user': 'a' }))).toBeUndefined()
  })

  it.each([
    [{ 'roster-endpoint': 'a' }, { endpoint: 'a', endpointMode: 'preferred', avoid: [] }],
    [
      { 'roster-endpoint': 'a', 'roster-endpoint-mode': 'strict' },
      { endpoint: 'a', endpointMode: 'strict', avoid: [] },
    ],
    [{ 'roster-avoid': 'a, b' }, { endpointMode: 'preferred', avoid: ['a', 'b'] }],
    [{ 'roster-hash-key': 'k' }, { endpointMode: 'preferred', avoid: [], hashKey: 'k' }],
  ])('of %j are %j', (headers, hints) => {
    expect(takeHints(metadataOf(headers))).toEqual(hints)
  })

  it('are removed from its metadata, and nothing else is', () => {
    const metadata = metadataOf({
      'roster-endpoint': 'a',
      'roster-endpoint-mode': 'strict',
      'roster-avoid': 'b',
      'roster-hash-key': 'k',
      'x-user': 'a',
    })
    takeHints(metadata)
    expect(metadata.getMap()).toEqual({ 'x-user': 'a' })
  })
})
