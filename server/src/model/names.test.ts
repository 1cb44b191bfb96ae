import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  ianaServiceName,
  labelValue,
  type NameRule,
  qualifiedName,
} from './names.ts'

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const part = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'

/** The rules over again as Kubernetes has them: patterns and lengths. */
const oracles: readonly (readonly [string, NameRule, (v: string) => boolean])[] = [
  ['dns1123Label', dns1123Label, (v) => v.length <= 63 && whole(label, v)],
  [
    'dns1123Subdomain',
    dns1123Subdomain,
    (v) => v.length <= 253 && whole(`${label}(\\.${label})*`, v),
  ],
  ['dns1035Label', dns1035Label, (v) => v.length <= 63 && whole('[a-z]([-a-z0-9]*[a-z0-9])?', v)],
  ['labelValue', labelValue, (v) => v.length <= 63 && whole(`(${part})?`, v)],
  ['qualifiedName', qualifiedName, isQualifiedName],
  [
    'ianaServiceName',
    ianaServiceName,
    (v) => v.length <= 15 && whole('[-a-z0-9]*[a-z][-a-z0-9]*', v) && !/--|^-|-$/.test(v),
  ],
]

function whole(pattern: string, value: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(value)
}

function isQualifiedName(value: string): boolean {
  const [name = '', prefix, ...more] = value.split('/').reverse()
  const prefixFine =
    prefix === undefined || (prefix.length <= 253 && whole(`${label}(\\.${label})*`, prefix))
  return more.length === 0 && prefixFine && name.length <= 63 && whole(part, name)
}

/** Texts of the grammars' own characters, at and around the limits of length. */
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'ab9-._/AZ'), maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('a', 'a', 'a', '9', '-', '.'), minLength: 60, maxLength: 66 }),
  fc
    .tuple(fc.integer({ min: 61, max: 65 }), fc.integer({ min: 251, max: 255 }))
    .map(([name, prefix]) => `${'p'.repeat(prefix)}/${'n'.repeat(name)}`),
  fc.string({ unit: 'binary', maxLength: 10 }),
)

describe('name rules', () => {
  it.each(oracles)('%s agrees with the pattern it quotes', (_, rule, isFine) => {
    fc.assert(
      fc.property(text, (value) => (rule(value).length === 0) === isFine(value)),
      { numRuns: 2000 },
    )
  })

  it.each(oracles)('%s takes no longer than the text is long', (_, rule) => {
    const long = `${'a-'.repeat(500_000)}!`
    const before = performance.now()
    rule(long)
    expect(performance.now() - before).toBeLessThan(500)
  })
})

describe('problem texts', () => {
  it('a label with a capital is told the pattern', () => {
    expect(dns1123Label('Web')).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ])
  })

  it('a label that would do as a subdomain is told of its dots', () => {
    expect(dns1123Label('a.b')).toEqual(['must not contain dots'])
  })

  it('a label of 64 characters is told the limit alone', () => {
    expect(dns1123Label('a'.repeat(64))).toEqual(['must be no more than 63 characters'])
  })

  it('a subdomain that ends in a dot is told the pattern', () => {
    expect(dns1123Subdomain('a.')).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ])
  })

  it('a service that starts with a digit is told the pattern of RFC 1035', () => {
    expect(dns1035Label('1web')).toEqual([
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ])
  })

  it('a bad label value is told the pattern', () => {
    expect(labelValue('-a')).toEqual([
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ])
  })

  it('an empty prefix and an empty name are each told', () => {
    expect(qualifiedName('/')).toEqual([
      'prefix part must be non-empty',
      'name part must be non-empty',
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ])
  })

  it('a second slash is told the form of a qualified name', () => {
    expect(qualifiedName('a/b/c')).toEqual([
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ])
  })

  it('a port name is told everything that is wrong with it', () => {
    expect(ianaServiceName('-1234567890--1234')).toEqual([
      'must be no more than 15 characters',
      'must contain at least one letter (a-z)',
      'must not contain consecutive hyphens',
      'must not begin or end with a hyphen',
    ])
  })

  it('a port name with a capital is told which characters it may have', () => {
    expect(ianaServiceName('gRPC')).toEqual([
      'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ])
  })

  it('an empty port name lacks characters and a letter', () => {
    expect(ianaServiceName('')).toEqual([
      'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'must contain at least one letter (a-z)',
    ])
  })
})
