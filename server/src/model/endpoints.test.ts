import { describe, expect, it } from 'vitest'
import { endpointOf, sameEndpoint } from './endpoints.ts'
import { admitPod } from './pod-admission.ts'
import type { Service } from './service.ts'

const service = {
  metadata: { name: 'web' },
  spec: { type: 'ClusterIP', ports: [], ipFamilies: ['IPv4'], publishNotReadyAddresses: false },
} as unknown as Service

const endpointWith = (notIdempotentMethods: readonly string[]) => {
  const input = {
    metadata: { name: 'web-1', uid: 'u' },
    spec: { notIdempotentMethods },
    status: { podIPs: ['10.0.0.1'] },
  }
  const fresh = { uid: 'u', now: '2026-01-02T03:04:05.000Z', leaseId: '' }
  const pod = admitPod(input, undefined, fresh)
  const facts = { pod, override: undefined, disconnected: false, probed: undefined }
  const endpoint = endpointOf(service, facts)
  if (endpoint === undefined) throw new Error('the pod makes no endpoint')
  return endpoint
}

describe('an endpoint', () => {
  it('names the methods of its pod that must not run twice', () => {
    expect(endpointWith(['a.B/C']).notIdempotentMethods).toEqual(['a.B/C'])
    expect(endpointWith([]).notIdempotentMethods).toEqual([])
  })

  it.each([
    [[], ['a.B/C']],
    [['a.B/C'], ['a.B/D']],
    [['a.B/C'], ['a.B/C', 'a.B/D']],
  ])('that names %j is another than one that names %j, by its hash too', (one, other) => {
    expect(sameEndpoint(endpointWith(one), endpointWith(other))).toBe(false)
    expect(endpointWith(one).hash).not.toBe(endpointWith(other).hash)
    expect(sameEndpoint(endpointWith(one), endpointWith(one))).toBe(true)
  })

  it('differs by the methods even where the hashes are equal', () => {
    const endpoint = endpointWith(['a.B/C'])
    expect(sameEndpoint(endpoint, { ...endpoint, notIdempotentMethods: ['a.B/D'] })).toBe(false)
  })
})

describe('a pod', () => {
  it.each([
    [['Pay'], 'spec.notIdempotentMethods[0]'],
    [['a.B/C', 'a.B/*', 'a.B/'], 'spec.notIdempotentMethods[2]'],
    [Array.from({ length: 101 }, (_, i) => `a.B/C${i}`), 'spec.notIdempotentMethods'],
  ])('that names %j is refused', (methods, field) => {
    const act = () => endpointWith(methods)
    expect(act).toThrow(
      expect.objectContaining({ violations: [expect.objectContaining({ field })] }),
    )
  })
})
