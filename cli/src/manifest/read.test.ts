import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readManifests } from './read.ts'

const read = (text: string) => readManifests([{ name: 'all.yaml', text }])
const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: {},
})
const line = (name: string) => JSON.stringify(service(name))

describe('readManifests', () => {
  it('reads every document, and passes over those that hold nothing', () => {
    const text = `# a comment\n---\n${line('a')}\n---\n---\n${line('b')}\n...\n`
    const { objects, problems } = read(text)
    expect(problems).toEqual([])
    expect(objects.map((o) => o.meta.name)).toEqual(['a', 'b'])
  })

  it('reads JSON objects that follow each other without a separator', () => {
    const tricky = { ...service('b'), metadata: { name: 'b', annotations: { x: '}{"\\' } } }
    const { objects, problems } = read(
      ` ${line('a')}${JSON.stringify(tricky)}\n${JSON.stringify(service('c'), null, '\t')}\n`,
    )
    expect(problems).toEqual([])
    expect(objects.map((o) => o.meta.name)).toEqual(['a', 'b', 'c'])
  })

  it('reads the items of a List in their place', () => {
    const list = { apiVersion: 'v1', kind: 'List', items: [service('b'), service('c')] }
    const { objects } = read(`${line('a')}\n---\n${JSON.stringify(list)}\n---\n${line('d')}`)
    expect(objects.map((o) => [o.meta.name, o.where])).toEqual([
      ['a', 'all.yaml, document 1'],
      ['b', 'all.yaml, document 2, items[0]'],
      ['c', 'all.yaml, document 2, items[1]'],
      ['d', 'all.yaml, document 3'],
    ])
  })

  it.each([
    ['labels: {v: 1}', 'metadata.labels.v: expected text, got number 1: put it in quotes'],
    ['labels: {v: true}', 'metadata.labels.v: expected text, got boolean true: put it in quotes'],
    ['labels: {v: null}', 'metadata.labels.v: expected text, got nothing'],
    ['labels: [a]', 'metadata.labels: expected an object, got a list'],
    ['annotations: {v: {a: b}}', 'metadata.annotations.v: expected text, got an object'],
    [
      'resourceVersion: 7',
      'metadata.resourceVersion: expected text, got number 7: put it in quotes',
    ],
    ['resourceVersion: x', 'metadata.resourceVersion: expected the digits of a revision, got "x"'],
  ])('says where a value of the wrong type stands: %s', (part, problem) => {
    const text = `${line('a')}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b, ${part}}\nspec: {}`
    expect(read(text).problems).toEqual([`all.yaml, document 2: ${problem}`])
  })

  it.each([
    ['{ports: 80}', 'spec.ports: expected a list, got number 80'],
    ['{ports: [80]}', 'spec.ports[0]: expected an object, got number 80'],
    ['{ports: [{port: "80"}]}', 'spec.ports[0].port: expected an integer, got text "80"'],
    ['{ports: [{port: 80.5}]}', 'spec.ports[0].port: expected an integer, got number 80.5'],
    [
      '{ports: [{port: 5000000000}]}',
      'spec.ports[0].port: expected an integer, got number 5000000000',
    ],
    [
      '{ports: [{port: 1, targetPort: [1]}]}',
      'spec.ports[0].targetPort: expected an integer or text, got a list',
    ],
    ['{clusterIPs: [1]}', 'spec.clusterIPs[0]: expected text, got number 1: put it in quotes'],
    [
      '{publishNotReadyAddresses: "yes"}',
      'spec.publishNotReadyAddresses: expected true or false, got text "yes"',
    ],
  ])('says which part of a spec is wrong: %s', (spec, problem) => {
    const text = `apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: ${spec}`
    expect(read(text).problems).toEqual([`all.yaml, document 1: ${problem}`])
  })

  it('finds everything that is wrong, not only the first', () => {
    const { problems } = read(
      'apiVersion: v1\nkind: Service\nmetadata: {}\n---\nkind: Service\n---\na: [\n---\n- x',
    )
    expect(problems).toEqual([
      'all.yaml, document 1: metadata.name: required',
      'all.yaml, document 1: spec: required',
      'all.yaml, document 2: there is no kind "Service" here: one of v1 Service, v1 Pod, discovery.k8s.io/v1 EndpointSlice, v1 List',
      expect.stringMatching(/^all\.yaml, document 3: Flow sequence .* at line 8, column 1$/),
      'all.yaml, document 4: expected an object with apiVersion, kind and metadata',
    ])
  })

  it('refuses the same key twice', () => {
    const { problems } = read('apiVersion: v1\nkind: Service\nkind: Pod')
    expect(problems).toEqual(['all.yaml, document 1: Map keys must be unique at line 3, column 1'])
  })

  it('never throws, whatever the text', () => {
    const scrap = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      '- ',
      '\n',
      '"',
      '&a ',
      '*a',
      '---\n',
      'kind: List',
      'items: ',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(scrap, fc.string())), (parts) => {
        const { objects, problems } = read(parts.join(''))
        expect(Array.isArray(objects) && Array.isArray(problems)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})
