/**
 * The name grammars of Kubernetes (apimachinery pkg/util/validation). Each rule
 * answers what is wrong with a value in Kubernetes' own words, [] when nothing
 * is. Values are scanned by hand: names are checked for every pod that
 * registers, and no input may cost more than its length.
 */
export type NameRule = (value: string) => string[]

const LOWER = 1
const DIGIT = 2
const UPPER = 4
const HYPHEN = 8
const UNDERSCORE_OR_DOT = 16
const LOWER_ALNUM = LOWER | DIGIT
const ALNUM = LOWER_ALNUM | UPPER
const QUALIFIED = ALNUM | HYPHEN | UNDERSCORE_OR_DOT

const DOT = '.'.charCodeAt(0)
const SLASH = '/'
const EMPTY = 'must be non-empty'

const CLASS_OF = new Uint8Array(128)
const classify = (characters: string, mask: number): void => {
  for (const c of characters) CLASS_OF[c.charCodeAt(0)] = mask
}
classify('abcdefghijklmnopqrstuvwxyz', LOWER)
classify('ABCDEFGHIJKLMNOPQRSTUVWXYZ', UPPER)
classify('0123456789', DIGIT)
classify('-', HYPHEN)
classify('_.', UNDERSCORE_OR_DOT)

const classAt = (value: string, at: number): number => CLASS_OF[value.charCodeAt(at)] ?? 0

/** Which characters a run may start with, hold and end with. */
interface Run {
  readonly first: number
  readonly inner: number
  readonly last: number
}

const LABEL_1123: Run = { first: LOWER_ALNUM, inner: LOWER_ALNUM | HYPHEN, last: LOWER_ALNUM }
const LABEL_1035: Run = { first: LOWER, inner: LOWER_ALNUM | HYPHEN, last: LOWER_ALNUM }
const QUALIFIED_PART: Run = { first: ALNUM, inner: QUALIFIED, last: ALNUM }

/** Whether value[from, to) is a run, and not empty. */
const isRun = (value: string, from: number, to: number, run: Run): boolean => {
  if (from >= to) return false
  if ((classAt(value, from) & run.first) === 0) return false
  if ((classAt(value, to - 1) & run.last) === 0) return false
  for (let i = from + 1; i < to - 1; i++) {
    if ((classAt(value, i) & run.inner) === 0) return false
  }
  return true
}

/** Whether value[0, to) is labels of RFC 1123 with dots between; of any length. */
const isSubdomain = (value: string, to: number): boolean => {
  let from = 0
  for (let i = 0; i < to; i++) {
    if (value.charCodeAt(i) !== DOT) continue
    if (!isRun(value, from, i, LABEL_1123)) return false
    from = i + 1
  }
  return isRun(value, from, to, LABEL_1123)
}

/** Whether the value may stand for a label's value, or for the name part of its key. */
const isQualifiedPart = (value: string, from: number): boolean =>
  value.length - from <= 63 && isRun(value, from, value.length, QUALIFIED_PART)

/** apimachinery RegexError, its odd spacing included: it is what people search for. */
const expected = (what: string, pattern: string, ...examples: readonly string[]): string =>
  `${what} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`

const tooLong = (value: string, max: number): string[] =>
  Buffer.byteLength(value) > max ? [`must be no more than ${max} characters`] : []

const LABEL_1123_PATTERN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const LABEL_1035_PATTERN = '[a-z]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN_PATTERN = `${LABEL_1123_PATTERN}(\\.${LABEL_1123_PATTERN})*`
const QUALIFIED_PATTERN = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const QUALIFIED_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"

const label1123Problem = (value: string): string =>
  isSubdomain(value, value.length)
    ? 'must not contain dots'
    : expected(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
        LABEL_1123_PATTERN,
        'my-name',
        '123-abc',
      )

/** RFC 1123 label of at most 63 characters: namespaces, host names, service port names. */
export const dns1123Label: NameRule = (value) => {
  const fine = isRun(value, 0, value.length, LABEL_1123)
  if (fine && value.length <= 63) return []
  return [...tooLong(value, 63), ...(fine ? [] : [label1123Problem(value)])]
}

/** RFC 1123 subdomain of at most 253 characters: pods, nodes, external names. */
export const dns1123Subdomain: NameRule = (value) => {
  const fine = isSubdomain(value, value.length)
  if (fine && value.length <= 253) return []
  const problem = expected(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    SUBDOMAIN_PATTERN,
    'example.com',
  )
  return [...tooLong(value, 253), ...(fine ? [] : [problem])]
}

/** RFC 1035 label of at most 63 characters, starting with a letter: services. */
export const dns1035Label: NameRule = (value) => {
  const fine = isRun(value, 0, value.length, LABEL_1035)
  if (fine && value.length <= 63) return []
  const problem = expected(
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    LABEL_1035_PATTERN,
    'my-name',
    'abc-123',
  )
  return [...tooLong(value, 63), ...(fine ? [] : [problem])]
}

/** `[prefix/]name`: keys of labels and annotations, application protocols. */
export const qualifiedName: NameRule = (value) => {
  const slash = value.indexOf(SLASH)
  const prefixFine = slash === -1 || (slash <= 253 && isSubdomain(value, slash))
  if (prefixFine && isQualifiedPart(value, slash + 1)) return []
  return qualifiedNameProblems(value)
}

const qualifiedNameProblems = (value: string): string[] => {
  const parts = value.split(SLASH)
  const form = expected(QUALIFIED_TEXT, QUALIFIED_PATTERN, 'MyName', 'my.name', '123-abc')
  if (parts.length > 2) {
    return [
      `a qualified name ${form} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ]
  }
  const prefix = parts.length === 2 ? parts[0] : undefined
  const name = parts.at(-1) ?? ''
  const ofPrefix = prefix === undefined ? [] : prefix === '' ? [EMPTY] : dns1123Subdomain(prefix)
  const ofLength = name === '' ? [EMPTY] : tooLong(name, 63)
  const ofForm = isRun(name, 0, name.length, QUALIFIED_PART) ? [] : [form]
  return [
    ...ofPrefix.map((p) => `prefix part ${p}`),
    ...[...ofLength, ...ofForm].map((p) => `name part ${p}`),
  ]
}

/** Empty, or at most 63 characters as in the name part of a label's key. */
export const labelValue: NameRule = (value) => {
  if (value === '' || isQualifiedPart(value, 0)) return []
  const fine = isRun(value, 0, value.length, QUALIFIED_PART)
  const problem = expected(
    `a valid label must be an empty string or consist of ${QUALIFIED_TEXT.slice('must consist of '.length)}`,
    `(${QUALIFIED_PATTERN})?`,
    'MyValue',
    'my_value',
    '12345',
  )
  return [...tooLong(value, 63), ...(fine ? [] : [problem])]
}

/** RFC 6335 service name of at most 15 characters: names of a pod's ports. */
export const ianaServiceName: NameRule = (value) => {
  let seen = 0
  for (let i = 0; i < value.length; i++) seen |= classAt(value, i) || UNDERSCORE_OR_DOT
  const hasLetter = (seen & LOWER) !== 0
  const isLabel = value.length <= 15 && isRun(value, 0, value.length, LABEL_1123)
  if (isLabel && hasLetter && !value.includes('--')) return []
  const problems = tooLong(value, 15)
  if (seen === 0 || (seen & ~(LOWER_ALNUM | HYPHEN)) !== 0) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  }
  if (!hasLetter) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) {
    problems.push('must not begin or end with a hyphen')
  }
  return problems
}
