import fc from 'fast-check'
import { expect, it } from 'vitest'
import { labelValue, qualifiedName } from '../../../server/src/model/names.ts'
import { podLabels } from './pod-labels.ts'

/** Texts on both sides of the grammar's border. */
const text = fc.oneof(
  fc.stringMatching(/^[aA0_./ -]{0,6}$/),
  fc.stringMatching(/^a{62,64}$/),
  fc.stringMatching(/^[a.-]{1,4}\/[A_.]{1,3}$/),
  fc.string({ maxLength: 5 }),
)

it('a pod has the labels the registry takes, and as annotations those whose value it does not', () => {
  fc.assert(
    fc.property(fc.dictionary(text, text), (given) => {
      const { labels, annotations } = podLabels(given, {})
      const keys = Object.keys(given).filter((key) => qualifiedName(key).length === 0)
      const isLabel = (key: string) => labelValue(given[key] ?? '').length === 0
      expect(Object.keys(labels).toSorted()).toEqual(keys.filter(isLabel).toSorted())
      expect(Object.keys(annotations).toSorted()).toEqual(
        keys.filter((key) => !isLabel(key)).toSorted(),
      )
    }),
    { numRuns: 1_000 },
  )
})

it('what is added gives way to what the container says itself, unless that is no label', () => {
  const added = { name: 'added', instance: 'added' }
  const { labels, annotations } = podLabels({ name: 'own', instance: 'no label' }, added)
  expect(labels).toEqual({ name: 'own', instance: 'added' })
  expect(annotations).toEqual({ instance: 'no label' })
})

it('the labels are no more than the registry takes, those added among them', () => {
  const given = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`l${i}`, 'x']))
  const { labels, annotations } = podLabels(given, { zzz: 'added' })
  expect(Object.keys(labels)).toHaveLength(64)
  expect(labels.zzz).toBe('added')
  expect(Object.keys(annotations)).toHaveLength(37)
})

it('a text as long as a page is no annotation', () => {
  expect(podLabels({ page: 'x '.repeat(4_000) }, {}).annotations).toEqual({})
})
