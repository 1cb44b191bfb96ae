import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { listOf, toJson, toYaml } from './serialised.ts'

describe('toYaml', () => {
  it.each(['1.1', '1.2'] as const)('writes text that YAML %s reads as the same text', (version) => {
    const tricky = fc.string({
      unit: fc.constantFrom(...'0123456789_.:+-eExXobBTZ yYnNofsF~=<null'.split('')),
    })
    const anyText = fc
      .oneof(tricky, fc.string())
      // This parser's 1.1 takes e0 for a number, which YAML itself does not.
      .filter((text) => !/^[-+]?e[-+]?\d/i.test(text))
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parse(toYaml({ text }), { version, merge: false })).toEqual({ text })
      }),
      { numRuns: 2000 },
    )
  })

  it('leaves addresses and names without quotes', () => {
    expect(toYaml({ a: '10.96.0.1', b: 'web-1', c: '10.0.0.0/8', d: 'on' })).toBe(
      'a: 10.96.0.1\nb: web-1\nc: 10.0.0.0/8\nd: "on"\n',
    )
  })

  it('writes what stands twice twice, without anchors', () => {
    const labels = { app: 'web' }
    expect(toYaml({ a: labels, b: labels })).toBe('a:\n  app: web\nb:\n  app: web\n')
  })
})

describe('listOf', () => {
  it('is a List of Kubernetes', () => {
    expect(toJson(listOf([]))).toBe(`{
    "apiVersion": "v1",
    "items": [],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
`)
  })
})
