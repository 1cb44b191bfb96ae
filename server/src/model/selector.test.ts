import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RegistryError } from './errors.ts'
import { FieldErrors } from './field-errors.ts'
import {
  matches,
  matchesAll,
  parseSelector,
  printSelector,
  type Requirement,
  selectorOf,
  validateRequirement,
} from './selector.ts'

/** A requirement in short: `x In a,b`. */
const short = ({ key, operator, values }: Requirement) =>
  `${key} ${operator} ${values.map((v) => v || "''").join()}`.trim()

const parsed = (text: string) => parseSelector(text).requirements.map(short)

const failure = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

const key = fc.constantFrom('app', 'in', 'notin', 'x.y/z', 'constructor', 'toString', 'A_1')
const word = fc.constantFrom('', 'a', 'b', 'in', 'notin', 'a.b-c_d', '5', '05', '17', 'constructor')
const integer = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map(String),
  fc.constantFrom('007', '9223372036854775807', '9223372036854775806'),
)
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.uniqueArray(word, { minLength: 1, maxLength: 4 }).map((values) => values.sort()),
  }),
  fc.record({
    key,
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
    values: fc.constant([]),
  }),
  fc.record({
    key,
    operator: fc.constantFrom('Gt' as const, 'Lt' as const),
    values: integer.map((value) => [value]),
  }),
)
const requirements = fc.array(requirement, { maxLength: 5 })
const labels = fc.dictionary(
  key,
  fc.oneof(word, integer, fc.constantFrom('9223372036854775808', '1e3')),
  { noNullPrototype: true },
)

describe('parseSelector', () => {
  it.each([
    ['', []],
    [' \t\r\n', []],
    ['x', ['x Exists']],
    ['\rx', ['x Exists']],
    ['x ', ['x Exists']],
    ['!x', ['x DoesNotExist']],
    ['! x', ['x DoesNotExist']],
    ['x=a', ['x In a']],
    ['x==a', ['x In a']],
    ['x != a', ['x NotIn a']],
    ['x=', ["x In ''"]],
    ['x= ,z!= ', ["x In ''", "z NotIn ''"]],
    ['x>1,y<007', ['x Gt 1', 'y Lt 007']],
    ['x in (b,a)', ['x In a,b']],
    ['x in (a,b,a)', ['x In a,b']],
    ['x notin\n(a)', ['x NotIn a']],
    ['x in (foo,,baz)', ["x In '',baz,foo"]],
    ['x in ()', ["x In ''"]],
    ['x notin ( )', ["x NotIn ''"]],
    ['x in (,)', ["x In ''"]],
    ['x in (a,)', ["x In '',a"]],
    ['x in (, a)', ["x In '',a"]],
    ['x in (a,,,b)', ["x In '',a,b"]],
    ['x in (a,,,)', ["x In '',a"]],
    [
      'x notin (abc,,def),bar,z in (),w',
      ['bar Exists', 'w Exists', "x NotIn '',abc,def", "z In ''"],
    ],
    ['in in (in,notin)', ['in In in,notin']],
    ['notin,!in', ['in DoesNotExist', 'notin Exists']],
    ['in=in', ['in In in']],
    ['a.b/c-d in (so,what)', ['a.b/c-d In so,what']],
    ['b,a,b=1', ['a Exists', 'b Exists', 'b In 1']],
  ])('reads %j', (text, expected) => {
    expect(parsed(text)).toEqual(expected)
  })

  it.each([
    [',', "at character 1: found ',', expected a label key"],
    ['x,', 'at character 3: found end of text, expected a label key'],
    ['x,,y', "at character 3: found ',', expected a label key"],
    ['x y', "at character 3: found 'y', expected in, notin, =, ==, !=, > or <"],
    ['x nott in (y)', "at character 3: found 'nott', expected in, notin, =, ==, !=, > or <"],
    ['x in', "at character 5: found end of text, expected '('"],
    ['x in a', "at character 6: found 'a', expected '('"],
    ['x in (a', "at character 8: found end of text, expected ',' or ')'"],
    ['x in (a b)', "at character 9: found 'b', expected ',' or ')'"],
    ['x in (=)', "at character 7: found '=', expected ',' or a value"],
    ['x in (a,=)', "at character 9: found '=', expected ',' or a value"],
    ['x in (a,,)', "at character 10: found ')', expected ',' or a value"],
    ['x in (a)b', "at character 9: found 'b', expected ',' or end of text"],
    ['x=a||y=b', "at character 3: 'a||y' "],
    ['x==a==b', "at character 5: found '==', expected ',' or end of text"],
    ['x=!a', "at character 3: found '!', expected a value"],
    ['!x=a', "at character 3: found '=', expected ',' or end of text"],
    ['!', 'at character 2: found end of text, expected a label key'],
    ['(', "at character 1: found '(', expected a label key"],
    ['x<a', "at character 2: '<' needs an integer after it"],
    ['x>', "at character 2: '>' needs an integer after it"],
    ['x>9223372036854775808', "at character 2: '>' needs an integer after it"],
    ['a/b/c', "at character 1: 'a/b/c' a qualified name must consist of"],
    ['x=-1', "at character 3: '-1' a valid label must be"],
  ])('refuses %j and says where', (text, problem) => {
    expect(failure(() => parseSelector(text))).toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining(problem),
      violations: [{ field: 'label_selector', description: expect.stringContaining(problem) }],
    })
  })

  it('fails with a RegistryError or not at all, whatever the text', () => {
    const scrap = fc.constantFrom(
      ...'=!(),<> \t',
      '==',
      'in',
      'notin',
      'x',
      'a.b/c',
      '5',
      '\0',
      '💥',
    )
    const anyText = fc.oneof(fc.string({ unit: scrap }), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(anyText, (text) => {
        const error = failure(() => parseSelector(text))
        return error === undefined || error instanceof RegistryError
      }),
      { numRuns: 5000 },
    )
  })

  it('quotes no more than the start of a long text, and no half characters', () => {
    const error = failure(() => parseSelector(`x=${'💥'.repeat(10_000)}a`)) as RegistryError
    expect([error.message.length < 500, error.message]).toEqual([
      true,
      Buffer.from(error.message).toString(),
    ])
  })
})

describe('printSelector', () => {
  it('prints what parseSelector reads as the same requirements', () => {
    fc.assert(
      fc.property(requirements, (list) => {
        const byKey = {
          requirements: list.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))),
        }
        expect(parseSelector(printSelector(byKey))).toEqual(byKey)
      }),
    )
  })

  it('prints values in order and each once', () => {
    const values = ['b', '', 'a', 'b']
    const text = printSelector({ requirements: [{ key: 'x', operator: 'NotIn', values }] })
    expect(text).toBe('x notin (,a,b)')
  })

  it('prints every operator as kubectl writes it', () => {
    const text = 'a=1,b!=1,c in (1,2),d,!e,f>1,g<1'
    expect(printSelector(parseSelector(text))).toBe(text)
  })
})

describe('matches', () => {
  /** The table of operators, read off the Kubernetes page on labels. */
  const naive = (
    { key: k, operator, values }: Requirement,
    of: Record<string, string>,
  ): boolean => {
    const found = Object.entries(of).find(([name]) => name === k)
    const number = (text: string) => (/^[0-9]+$/.test(text) ? BigInt(text) : -1n)
    const [mine, theirs] = [number(found?.[1] ?? ''), number(values[0] ?? '')]
    const comparable = mine >= 0n && mine < 2n ** 63n
    return {
      In: found !== undefined && values.includes(found[1]),
      NotIn: found === undefined || !values.includes(found[1]),
      Exists: found !== undefined,
      DoesNotExist: found === undefined,
      Gt: comparable && mine > theirs,
      Lt: comparable && mine < theirs,
    }[operator]
  }

  it('agrees with a naive reading of the operators', () => {
    fc.assert(
      fc.property(requirements, labels, (list, of) => {
        const expected = list.every((r) => naive(r, of))
        expect(matches({ requirements: list }, of)).toBe(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['x!=a', true],
    ['x notin (a)', true],
    ['!x', true],
    ['x=', false],
    ['x', false],
    ['x>0', false],
    ['x<9', false],
    ['', true],
  ])('%j on labels without x is %s', (text, expected) => {
    expect(matches(parseSelector(text), { y: '1' })).toBe(expected)
  })
})

describe('selectorOf', () => {
  it('joins the map and the expressions of a service by AND', () => {
    const expression: Requirement = { key: 'track', operator: 'NotIn', values: ['canary'] }
    const chosen = selectorOf({ selector: { app: 'web' }, matchExpressions: [expression] })
    expect([
      matchesAll(chosen, { app: 'web', track: 'stable' }),
      matchesAll(chosen, { app: 'web', track: 'canary' }),
      matchesAll(chosen, { app: 'api', track: 'stable' }),
    ]).toEqual([true, false, false])
  })
})

describe('validateRequirement', () => {
  const violationsOf = (key: string, operator: string, values: readonly string[]) => {
    const errors = new FieldErrors()
    const requirement = { key, operator: operator as Requirement['operator'], values }
    validateRequirement(requirement, 'spec.matchExpressions[0]', errors)
    return errors.violations.map((v) => `${v.field}: ${v.description}`)
  }

  it.each([
    ['In', ['a', '']],
    ['NotIn', ['a']],
    ['Exists', []],
    ['DoesNotExist', []],
  ])('finds nothing wrong with %s %j', (operator, values) => {
    expect(violationsOf('app', operator, values)).toEqual([])
  })

  it.each([
    [
      'app',
      'In',
      [],
      ".values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
    [
      'app',
      'Exists',
      ['a'],
      ".values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
    ['app', 'Gt', ['5'], '.operator: Invalid value: "Gt": not a valid selector operator'],
    ['app', '', [], '.operator: Invalid value: "": not a valid selector operator'],
    ['', 'Exists', [], '.key: Invalid value: "": name part must be non-empty'],
    ['app', 'In', ['a', 'b c'], '.values[1]: Invalid value: "b c": a valid label must be'],
  ])('reports %s %s %j', (key, operator, values, expected) => {
    expect(violationsOf(key, operator, values)[0]).toContain(`spec.matchExpressions[0]${expected}`)
  })
})
