import type { FieldErrors } from './field-errors.ts'
import { grpcMethod, MAX_METHODS } from './grpc-method.ts'
import type { Labels } from './meta.ts'

/** Annotations of a service that its callers obey begin with this. */
const OWN = 'roster.dev/'

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
/** Least pause and multiplier. */
const LEAST = 0.001
const MAX_MULTIPLIER = 1_000
const HOUR_MS = 3_600_000
/** Greatest delay a timer can have. */
const MAX_TIMER_MS = 2_147_483_647
const MAX_COUNT = 1_000_000_000
const MAX_SUBSET_SIZE = 1_000_000

const within =
  (from: number, to: number): Rule<unknown> =>
  (value) =>
    typeof value === 'number' && value >= from && value <= to
      ? []
      : [`must be a number from ${from} to ${to}`]

const choices: Rule<unknown> = (value) =>
  Number.isInteger(value) && within(2, 10)(value).length === 0
    ? []
    : ['must be a whole number from 2 to 10']

const hashHeader: Rule<unknown> = (value) =>
  typeof value === 'string' && /^(?!.*-bin$)[0-9a-z_.-]+$/.test(value)
    ? []
    : ['must be the name of a header in lower case that does not end in -bin']

const hashKey: Rule<unknown> = (value) =>
  typeof value === 'string' && value !== '' ? [] : ['must be a string that is not empty']

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

type MemberRules = Readonly<Record<string, Rule<unknown>>>

/** A JSON object that has no other members than those with a rule. */
const objectOf =
  (rules: MemberRules, required: readonly string[] = []): Rule<unknown> =>
  (value) => {
    if (!isObject(value)) return ['must be a JSON object']
    return [
      ...required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${name} is missing`),
      ...Object.entries(value).flatMap(([name, member]) => memberProblems(rules, name, member)),
    ]
  }

const memberProblems = (rules: MemberRules, name: string, value: unknown) => {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
  if (rule !== undefined) return rule(value).map((problem) => `${name} ${problem}`)
  return [`${name} is unknown: use ${Object.keys(rules).toSorted().join(', ')}`]
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The JSON in a text; what is none passes as undefined. */
const json =
  (rule: Rule<unknown>): Rule<string> =>
  (text) => {
    try {
      return rule(JSON.parse(text))
    } catch {
      return rule(undefined)
    }
  }

/** `word`, or what the rule allows. */
const wordOr =
  (word: string, rule: Rule<string>): Rule<string> =>
  (text) => {
    if (text === word) return []
    return text.trimStart().startsWith('{') ? rule(text) : [`must be ${word}, or a JSON object`]
  }

/** The settings of each policy. */
const POLICIES: Readonly<Record<string, MemberRules>> = {
  peak_ewma: { tauMs: within(1, HOUR_MS), errorPenaltyMs: within(0, 60_000) },
  least_request: { choices },
  round_robin: {},
  weighted: {},
  maglev: { hashHeader, hashKey },
}

const policy: Rule<unknown> = (value) =>
  Object.keys(POLICIES).some((known) => known === value)
    ? []
    : [`must be one of ${Object.keys(POLICIES).join(', ')}`]

const policyObject: Rule<unknown> = (value) => {
  const name = isObject(value) ? value.policy : undefined
  const settings = typeof name === 'string' && Object.hasOwn(POLICIES, name) ? POLICIES[name] : {}
  return objectOf({ policy, ...settings }, ['policy'])(value)
}

const EJECTION: MemberRules = {
  intervalMs: within(1, MAX_TIMER_MS),
  baseEjectionMs: within(1, MAX_TIMER_MS),
  maxEjectionMs: within(1, MAX_TIMER_MS),
  maxEjectionPercent: within(0, 100),
  consecutiveFailures: within(0, MAX_COUNT),
  failurePercentage: objectOf({
    threshold: within(0, 100),
    minimumHosts: within(1, MAX_COUNT),
    requestVolume: within(1, MAX_COUNT),
  }),
  successRate: objectOf({
    stdevFactor: within(0, MAX_COUNT),
    minimumHosts: within(1, MAX_COUNT),
    requestVolume: within(1, MAX_COUNT),
  }),
}

const wholeNumber =
  (from: number, to: number): Rule<string> =>
  (text) =>
    /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) >= from && Number(text) <= to
      ? []
      : [`must be a whole number from ${from} to ${to}`]

const RULES: Readonly<Record<string, Rule<string>>> = {
  [`${OWN}load-balancing`]: (text) =>
    text.trimStart().startsWith('{') ? json(policyObject)(text) : policy(text),
  [`${OWN}retry`]: wordOr(
    'off',
    json(
      objectOf({
        maxAttempts: attempts,
        initialBackoffMs: within(LEAST, MAX_PAUSE_MS),
        maxBackoffMs: within(LEAST, MAX_PAUSE_MS),
        backoffMultiplier: within(LEAST, MAX_MULTIPLIER),
        retryableStatusCodes: listOf(statusCode),
      }),
    ),
  ),
  [`${OWN}hedging`]: json(
    objectOf({ methods: listOf(method), maxAttempts: attempts, delayMs: within(0, MAX_PAUSE_MS) }, [
      'methods',
    ]),
  ),
  [`${OWN}not-idempotent-methods`]: (text) =>
    listOf(method)(text.split(',').map((name) => name.trim())),
  [`${OWN}ejection`]: wordOr('off', json(objectOf(EJECTION))),
  [`${OWN}slow-start-ms`]: wholeNumber(0, HOUR_MS),
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
