import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { type MetaToValidate, validateAnnotations, validateObjectMeta } from './labels.ts'
import { dns1123Subdomain } from './names.ts'

const fine: MetaToValidate = { name: 'web-1', namespace: 'shop', labels: {}, annotations: {} }

const violationsOf = (change: Partial<MetaToValidate>) => {
  const errors = new FieldErrors()
  validateObjectMeta({ ...fine, ...change }, dns1123Subdomain, errors)
  return errors.violations
}

const fieldsOf = (change: Partial<MetaToValidate>) => violationsOf(change).map((v) => v.field)

const labels = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`key-${i}`, '']))

describe('validateObjectMeta', () => {
  it('finds nothing in metadata at all its limits', () => {
    const found = violationsOf({
      name: 'a'.repeat(253),
      namespace: 'n'.repeat(63),
      uid: 'u'.repeat(128),
      labels: labels(64),
      annotations: { a: 'x'.repeat(256 * 1024 - 1) },
    })
    expect(found).toEqual([])
  })

  it('requires a name and a namespace', () => {
    expect(violationsOf({ name: '', namespace: '' })).toEqual([
      { field: 'metadata.name', description: 'Required value' },
      { field: 'metadata.namespace', description: 'Required value' },
    ])
  })

  it.each([
    ['metadata.name', { name: 'a/b' }],
    ['metadata.namespace', { namespace: 'a.b' }],
    ['metadata.labels', { labels: { '-a': 'b' } }],
    ['metadata.labels', { labels: { a: 'b c' } }],
    ['metadata.labels', { labels: labels(65) }],
    ['metadata.annotations', { annotations: { 'a b': '' } }],
    ['metadata.annotations', { annotations: { a: 'x'.repeat(256 * 1024) } }],
    ['metadata.uid', { uid: 'u'.repeat(129) }],
  ])('reports one violation at %s for %j', (field, change) => {
    expect(fieldsOf(change)).toEqual([field])
  })

  it('quotes the bad value of a label', () => {
    const [violation] = violationsOf({ labels: { app: 'a b' } })
    expect(violation?.description).toMatch(/^Invalid value: "a b": a valid label must be/)
  })

  it('counts annotations in bytes', () => {
    const [violation] = violationsOf({ annotations: { a: 'ß'.repeat(128 * 1024) } })
    expect(violation?.description).toBe('Too long: may not be more than 262144 bytes')
  })
})

describe('validateAnnotations', () => {
  it('does not mind capitals in the prefix of a key', () => {
    const errors = new FieldErrors()
    validateAnnotations({ 'Example.com/Note': 'any text\n' }, 'metadata.annotations', errors)
    expect(errors.violations).toEqual([])
  })
})
