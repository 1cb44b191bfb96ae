import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSlice } from '../../../test/support/over-the-wire.ts'
import { toYaml } from '../print/serialised.ts'
import { endpointSliceManifest } from './endpoint-slice.ts'
import { readManifests } from './read.ts'

const read = (text: string) => readManifests([{ name: 'db.yaml', text }])

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/)
const maybeWord = fc.oneof(word, fc.constant(''))

const anySlice = fc.record({
  metadata: fc.record({
    name: word,
    namespace: word,
    labels: fc.constant({ 'kubernetes.io/service-name': 'db' }),
  }),
  addressType: fc.constantFrom('IPv4', 'IPv6'),
  endpoints: fc.array(
    fc.record({
      addresses: fc.array(fc.ipV4(), { minLength: 1, maxLength: 2 }),
      conditions: fc.record({
        ready: fc.boolean(),
        serving: fc.boolean(),
        terminating: fc.boolean(),
      }),
      hostname: maybeWord,
      nodeName: maybeWord,
      zone: maybeWord,
    }),
  ),
  ports: fc.array(
    fc.record(
      { name: maybeWord, protocol: fc.constant('TCP'), port: fc.nat(65_535), appProtocol: word },
      { requiredKeys: ['name', 'protocol', 'port'] },
    ),
  ),
})

describe('an EndpointSlice manifest', () => {
  it('becomes a message; what matters to the controllers of Kubernetes only is passed over', () => {
    const { objects, problems } = read(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}, generateName: db-}
addressType: IPv4
endpoints:
- addresses: [10.9.0.1]
  conditions: {ready: false}
  hints: {forZones: [{name: a}]}
  targetRef: {kind: Pod, name: p}
ports:
- {name: "", port: 5432}
`)
    expect(problems).toEqual([])
    expect(objects[0]?.message).toEqual({
      metadata: {
        name: 'db-1',
        namespace: '',
        labels: { 'kubernetes.io/service-name': 'db' },
        annotations: {},
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.9.0.1'], conditions: { ready: false } }],
      ports: [{ name: '', port: 5432 }],
    })
  })

  it('with an unknown field is refused by its name', () => {
    const { problems } = read(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1}
endpoints: [{adresses: [10.9.0.1]}]
`)
    expect(problems).toEqual(['db.yaml, document 1: endpoints[0].adresses: unknown field'])
  })

  it('printed and read again is the same slice', () => {
    fc.assert(
      fc.property(anySlice, (sent) => {
        const { objects, problems } = read(toYaml(endpointSliceManifest(readSlice(sent))))
        expect(problems).toEqual([])
        const [object] = objects
        if (object?.kind !== 'endpointslices') throw new Error('not a slice')
        expect(readSlice(object.message)).toEqual(readSlice(sent))
      }),
    )
  })
})
