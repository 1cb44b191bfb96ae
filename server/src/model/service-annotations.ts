import type { FieldErrors } from './field-errors.ts'
import { grpcMethod, MAX_METHODS } from './grpc-method.ts'
import type { Labels } from './meta.ts'

/** Annotations of a service that its callers obey begin with this. */
const OWN = 'roster.dev/'

const POLICIES = ['peak_ewma', 'least_request', 'round_robin', 'weighted', 'maglev']

/** Every status but OK (grpc/grpc doc/statuscodes.md). */
const STATUS_CODES = [
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/** What is wrong with a value, [] when nothing is. */
type Rule<T> = (value: T) => readonly string[]

type Members = Readonly<Record<string, unknown>>

/** gRFC A6: two attempts are the least that retrying means, and clients make no more than five. */
const attempts: Rule<unknown> = (value) =>
  [2, 3, 4, 5].some((count) => count === value) ? [] : ['must be a whole number from 2 to 5']

/** Ten minutes: longer than any call that is tried again. */
const MAX_PAUSE_MS = 600_000
const MAX_MULTIPLIER = 1_000
/** Greatest delay a timer can have. */
const MAX_SLOW_START_MS = 2_147_483_647
const MAX_SUBSET_SIZE = 1_000_000

const isPositive =
  (most: number): Rule<unknown> =>
  (value) =>
    typeof value === 'number' && value > 0 && value <= most
      ? []
      : [`must be a number greater than 0, at most ${most}`]

const delay: Rule<unknown> = (value) => (value === 0 ? [] : isPositive(MAX_PAUSE_MS)(value))

const policy: Rule<unknown> = (value) =>
  POLICIES.some((known) => known === value) ? [] : [`must be one of ${POLICIES.join(', ')}`]

/** A list that is not empty; `rule` says what is wrong with one element. */
const listOf =
  (rule: Rule<unknown>): Rule<unknown> =>
  (value) => {
    if (!Array.isArray(value) || value.length === 0) return ['must be a list that is not empty']
    if (value.length > MAX_METHODS) return [`must have at most ${MAX_METHODS} items`]
    return value.flatMap((one, i) => rule(one).map((problem) => `item ${i}: ${problem}`))
  }

const method: Rule<unknown> = (value) => grpcMethod(typeof value === 'string' ? value : '')

const statusCode: Rule<unknown> = (value) =>
  STATUS_CODES.some((known) => known === value)
    ? []
    : ['must be the name of a gRPC status other than OK, like UNAVAILABLE']

/** A JSON object; `rules` holds one for each member that is looked at. */
interface Shape {
  readonly rules: Readonly<Record<string, Rule<unknown>>>
  readonly required: readonly string[]
  /** Whether members without a rule are for somebody else to judge, or typing errors. */
  readonly others: 'allowed' | 'refused'
}

const objectOf =
  (shape: Shape): Rule<string> =>
  (text) => {
    const members = parseMembers(text)
    if (members === undefined) return ['must be a JSON object']
    return [
      ...shape.required
        .filter((name) => !Object.hasOwn(members, name))
        .map((name) => `${name} is missing`),
      ...Object.entries(members).flatMap(([name, value]) => memberProblems(shape, name, value)),
    ]
  }

const memberProblems = ({ rules, others }: Shape, name: string, value: unknown) => {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
  if (rule !== undefined) return rule(value).map((problem) => `${name} ${problem}`)
  return others === 'allowed'
    ? []
    : [`${name} is unknown: use ${Object.keys(rules).toSorted().join(', ')}`]
}

const parseMembers = (text: string): Members | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Members) : undefined
  } catch {
    return undefined
  }
}

/** `word`, or what the rule allows. */
const wordOr =
  (word: string, rule: Rule<string>): Rule<string> =>
  (text) => {
    if (text === word) return []
    return text.trimStart().startsWith('{') ? rule(text) : [`must be ${word}, or a JSON object`]
  }

const policyObject = objectOf({ rules: { policy }, required: ['policy'], others: 'allowed' })

const wholeNumber =
  (from: number, to: number): Rule<string> =>
  (text) =>
    /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) >= from && Number(text) <= to
      ? []
      : [`must be a whole number from ${from} to ${to}`]

const RULES: Readonly<Record<string, Rule<string>>> = {
  [`${OWN}load-balancing`]: (text) =>
    text.trimStart().startsWith('{') ? policyObject(text) : policy(text),
  [`${OWN}retry`]: wordOr(
    'off',
    objectOf({
      rules: {
        maxAttempts: attempts,
        initialBackoffMs: isPositive(MAX_PAUSE_MS),
        maxBackoffMs: isPositive(MAX_PAUSE_MS),
        backoffMultiplier: isPositive(MAX_MULTIPLIER),
        retryableStatusCodes: listOf(statusCode),
      },
      required: [],
      others: 'refused',
    }),
  ),
  [`${OWN}hedging`]: objectOf({
    rules: { methods: listOf(method), maxAttempts: attempts, delayMs: delay },
    required: ['methods'],
    others: 'refused',
  }),
  [`${OWN}not-idempotent-methods`]: (text) =>
    listOf(method)(text.split(',').map((name) => name.trim())),
  [`${OWN}ejection`]: wordOr('off', objectOf({ rules: {}, required: [], others: 'allowed' })),
  [`${OWN}slow-start-ms`]: wholeNumber(0, MAX_SLOW_START_MS),
  [`${OWN}subset-size`]: wholeNumber(1, MAX_SUBSET_SIZE),
}

/** Characters told of a bad value: what is wrong with it comes after, and must not be cut off. */
const MAX_TOLD = 60

const shortened = (text: string): string =>
  text.length <= MAX_TOLD ? text : `${text.slice(0, MAX_TOLD)}…`

const KNOWN = Object.keys(RULES).toSorted()

/**
 * Reports what callers of a service could not obey: `roster.dev/` annotations that
 * there are none of, and values that mean nothing. Other annotations are free.
 */
export const validateServiceAnnotations = (annotations: Labels, errors: FieldErrors): void => {
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(OWN)) continue
    const field = `metadata.annotations[${key}]`
    const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined
    if (rule === undefined) errors.notSupported(field, key, KNOWN)
    else for (const problem of rule(value)) errors.invalid(field, shortened(value), problem)
  }
}
