import { describe, expect, it } from 'vitest'
import { UsageError } from './errors.ts'
import { parseKind, parseTargets, printName, singular } from './kinds.ts'

describe('parseKind', () => {
  it.each([
    ['services', ['services', 'service', 'svc', 'SVC']],
    ['pods', ['pods', 'pod', 'po']],
    ['endpoints', ['endpoints', 'ep']],
    [
      'endpointslices',
      ['endpointslices', 'endpointslice', 'eps', 'endpointslice.discovery.k8s.io'],
    ],
  ])('knows %s by %j', (kind, words) => {
    expect(words.map(parseKind)).toEqual(words.map(() => kind))
  })

  it('refuses any other word', () => {
    expect(() => parseKind('deployments')).toThrow(
      new UsageError('there is no kind "deployments": services, pods, endpoints or endpointslices'),
    )
  })
})

describe('parseTargets', () => {
  it('of a kind is all of it', () => {
    expect(parseTargets(['svc'])).toEqual([{ kind: 'services' }])
  })

  it('of a kind and names is each of them', () => {
    expect(parseTargets(['po', 'a', 'b'])).toEqual([
      { kind: 'pods', name: 'a' },
      { kind: 'pods', name: 'b' },
    ])
  })

  it('reads the names that are printed', () => {
    const printed = [printName('services', 'web'), printName('endpointslices', 'db-1')]
    expect(printed).toEqual(['service/web', 'endpointslice.discovery.k8s.io/db-1'])
    expect(parseTargets(printed)).toEqual([
      { kind: 'services', name: 'web' },
      { kind: 'endpointslices', name: 'db-1' },
    ])
  })

  it.each([[['svc/web', 'db']], [['svc', 'pod/web-1']], [['svc/']], [['svc/a/b']]])(
    'refuses %j',
    (words) => {
      expect(() => parseTargets(words)).toThrow(UsageError)
    },
  )
})

describe('singular', () => {
  it('is a word of a sentence', () => {
    expect((['services', 'pods', 'endpointslices'] as const).map(singular)).toEqual([
      'service',
      'pod',
      'endpointslice',
    ])
  })
})
