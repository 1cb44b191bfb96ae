import { RegistryError } from './errors.ts'
import type { FieldErrors } from './field-errors.ts'
import { compareIntegers, isInteger } from './label-integer.ts'
import type { Labels } from './meta.ts'
import { labelValue, type NameRule, qualifiedName } from './names.ts'
import { lexSelector, type Token, type TokenKind } from './selector-lexer.ts'

/** One requirement of a set-based selector, in the form of meta/v1 LabelSelectorRequirement. */
export interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values: readonly string[]
}

/** A label selector as callers write it: requirements joined by AND; none matches everything. */
export interface Selector {
  readonly requirements: readonly Requirement[]
}

/** The members of a ServiceSpec that choose pods. */
export interface PodChoice {
  readonly selector: Labels
  readonly matchExpressions: readonly Requirement[]
}

/**
 * All that a service asks of a pod's labels. [] means that it chooses no pods at
 * all, while matchesAll would take every one: ask hasSelector first.
 */
export const selectorOf = (spec: PodChoice): readonly Requirement[] => [
  ...Object.entries(spec.selector).map(
    ([key, value]): Requirement => ({ key, operator: 'In', values: [value] }),
  ),
  ...spec.matchExpressions,
]

/** Whether the labels meet every requirement of the selector. */
export const matches = (selector: Selector, labels: Labels): boolean =>
  matchesAll(selector.requirements, labels)

/** Whether the labels meet every requirement. Runs for each pod that changes; allocates nothing. */
export const matchesAll = (requirements: readonly Requirement[], labels: Labels): boolean => {
  for (let i = 0; i < requirements.length; i++) {
    const requirement = requirements[i]
    if (requirement !== undefined && !meets(requirement, labels)) return false
  }
  return true
}

/** apimachinery Requirement.Matches: NotIn and DoesNotExist also match where there is no such label. */
const meets = ({ key, operator, values }: Requirement, labels: Labels): boolean => {
  const value: unknown = labels[key]
  // Not `undefined`: a key may be named like a member all objects inherit, `constructor` say.
  if (typeof value !== 'string') return operator === 'NotIn' || operator === 'DoesNotExist'
  switch (operator) {
    case 'In':
      return values.includes(value)
    case 'NotIn':
      return !values.includes(value)
    case 'Exists':
      return true
    case 'DoesNotExist':
      return false
    case 'Gt':
      return isInteger(value) && compareIntegers(value, values[0] ?? '') > 0
    case 'Lt':
      return isInteger(value) && compareIntegers(value, values[0] ?? '') < 0
  }
}

/**
 * Reports what is wrong with a requirement of a service's matchExpressions (meta/v1
 * ValidateLabelSelectorRequirement). Gt and Lt are for queries only.
 */
export const validateRequirement = (
  { key, operator, values }: Requirement,
  field: string,
  errors: FieldErrors,
): void => {
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be specified when `operator` is 'In' or 'NotIn'"
    if (values.length === 0) errors.required(`${field}.values`, why)
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    if (values.length > 0) errors.forbidden(`${field}.values`, why)
  } else errors.invalid(`${field}.operator`, operator, 'not a valid selector operator')
  for (const problem of qualifiedName(key)) errors.invalid(`${field}.key`, key, problem)
  values.forEach((value, i) => {
    for (const problem of labelValue(value)) errors.invalid(`${field}.values[${i}]`, value, problem)
  })
}

/**
 * The selector as text, values in order and each once: parseSelector reads the
 * same from it. One value alone prints as `key=value` or `key!=value`.
 */
export const printSelector = (selector: Selector): string =>
  selector.requirements.map(printRequirement).join(',')

const printRequirement = ({ key, operator, values }: Requirement): string => {
  const list = inOrder(values)
  const text = list.join()
  switch (operator) {
    case 'In':
      return list.length === 1 ? `${key}=${text}` : `${key} in (${text})`
    case 'NotIn':
      return list.length === 1 ? `${key}!=${text}` : `${key} notin (${text})`
    case 'Exists':
      return key
    case 'DoesNotExist':
      return `!${key}`
    case 'Gt':
      return `${key}>${text}`
    case 'Lt':
      return `${key}<${text}`
  }
}

const inOrder = (values: Iterable<string>): readonly string[] => [...new Set(values)].sort()

/**
 * Reads a label selector by the grammar of kubectl's `-l` (apimachinery
 * labels.Parse): `app=web,tier in (a,b),!canary,zone!=z1,weight>5`. `=` and `==`
 * become In, `!=` NotIn; requirements come out by key, values in order and each
 * once. '' matches everything.
 * Fails with INVALID, saying where the text goes wrong and what may stand there.
 */
export const parseSelector = (text: string): Selector => new SelectorParser(text).parse()

/** What may stand between a key and values. */
const COMPARISONS = new Map<string, Requirement['operator']>([
  ['in', 'In'],
  ['notin', 'NotIn'],
  ['=', 'In'],
  ['==', 'In'],
  ['!=', 'NotIn'],
  ['>', 'Gt'],
  ['<', 'Lt'],
])

/** Longest piece of the caller's text to quote: messages travel in headers. */
const MAX_QUOTE = 100

class SelectorParser {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #next = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = lexSelector(text)
  }

  parse(): Selector {
    const requirements: Requirement[] = []
    if (!this.#nextIs('end')) {
      do requirements.push(this.#requirement())
      while (this.#take("',' or end of text", ',', 'end').kind === ',')
    }
    requirements.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))
    return { requirements }
  }

  #requirement(): Requirement {
    if (this.#nextIs('!')) {
      this.#next++
      return { key: this.#word(qualifiedName), operator: 'DoesNotExist', values: [] }
    }
    const key = this.#word(qualifiedName)
    if (this.#nextIs(',', 'end')) return { key, operator: 'Exists', values: [] }
    const { text, kind, at } = this.#peek()
    const operator = COMPARISONS.get(text)
    if (operator === undefined) throw this.#unexpected('in, notin, =, ==, !=, > or <')
    this.#next++
    if (kind === 'word') return { key, operator, values: this.#valueList() }
    const value = this.#nextIs(',', 'end') ? '' : this.#word(labelValue)
    if ((operator === 'Gt' || operator === 'Lt') && !isInteger(value)) {
      throw this.#error(at, `'${text}' needs an integer after it`)
    }
    return { key, operator, values: [value] }
  }

  #valueList(): readonly string[] {
    this.#take("'('", '(')
    const values = new Set<string>()
    let more = !this.#nextIs(')')
    if (!more) values.add('')
    while (more) more = this.#valueOrCommas(values)
    this.#take("',' or ')'", ')')
    return inOrder(values)
  }

  /**
   * Between two commas and beside a parenthesis stands the empty value. Kubernetes
   * takes commas in pairs, after which a list cannot end: `(a,,)` is wrong there too.
   * Answers whether more must follow.
   */
  #valueOrCommas(values: Set<string>): boolean {
    if (this.#nextIs('word')) {
      values.add(this.#word(labelValue))
      return this.#nextIs(',')
    }
    this.#take("',' or a value", ',')
    const ends = this.#nextIs(')')
    const paired = this.#nextIs(',')
    if (ends || paired || values.size === 0) values.add('')
    if (paired) this.#next++
    return !ends
  }

  #word(rule: NameRule): string {
    const { text, at } = this.#take(rule === qualifiedName ? 'a label key' : 'a value', 'word')
    const problems = rule(text)
    if (problems.length > 0) throw this.#error(at, `${quote(text)} ${problems.join('; ')}`)
    return text
  }

  #nextIs(...kinds: readonly TokenKind[]): boolean {
    return kinds.includes(this.#peek().kind)
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: this.#text.length }
  }

  #take(expected: string, ...kinds: readonly TokenKind[]): Token {
    if (!this.#nextIs(...kinds)) throw this.#unexpected(expected)
    const token = this.#peek()
    this.#next++
    return token
  }

  #unexpected(expected: string): RegistryError {
    const { kind, text, at } = this.#peek()
    const found = kind === 'end' ? 'end of text' : quote(text)
    return this.#error(at, `found ${found}, expected ${expected}`)
  }

  #error(at: number, detail: string): RegistryError {
    const problem = `at character ${at + 1}: ${detail}`
    const description = `Invalid value: ${JSON.stringify(this.#text.slice(0, MAX_QUOTE))}: ${problem}`
    return new RegistryError('INVALID', `label selector is invalid ${problem}`, {
      violations: [{ field: 'label_selector', description }],
    })
  }
}

/** The start of the text; Buffer mends a character that the cut left in half. */
const quote = (text: string): string => `'${Buffer.from(text.slice(0, MAX_QUOTE)).toString()}'`
