import { describe, expect, it } from 'vitest'
import { AnnotationReader } from '../../client/src/service-annotations.ts'
import { FieldErrors } from '../../server/src/model/field-errors.ts'
import { validateServiceAnnotations } from '../../server/src/model/service-annotations.ts'

/** Whether the registry lets an annotation in, and whether callers obey it. */
function verdicts(name: string, value: unknown) {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const annotations = { [`roster.dev/${name}`]: text }
  const errors = new FieldErrors()
  validateServiceAnnotations(annotations, errors)
  const complaints: string[] = []
  new AnnotationReader((_, reason) => complaints.push(reason)).read(annotations)
  return { registry: errors.violations.length === 0, sdk: complaints.length === 0 }
}

/** Around a number: the bounds themselves, what is just beyond them, and what is no number. */
const bounds = (
  write: (value: unknown) => unknown,
  ...[from, to, step]: readonly [from: number, to: number, step: number]
) => ({
  good: [from, to].map(write),
  bad: [from - step, to + step, 'x', [], {}].map(write),
})

const object = (...path: readonly string[]) => {
  return (value: unknown) => path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
}

const policy = (policy: string, name: string) => (value: unknown) => ({ policy, [name]: value })
const hedging = (name: string) => (value: unknown) => ({ methods: ['a.B/C'], [name]: value })

const DELAY_MS = [1, 2_147_483_647, 1] as const
const PERCENT = [0, 100, 1] as const
const AT_LEAST_ONE = [1, 1e9, 1] as const

const CASES: readonly (readonly [
  name: string,
  cases: { readonly good: readonly unknown[]; readonly bad: readonly unknown[] },
])[] = [
  [
    'load-balancing',
    {
      good: [
        ...['peak_ewma', 'least_request', 'round_robin', 'weighted', 'maglev'],
        { policy: 'maglev', hashHeader: 'x-user', hashKey: 'k' },
      ],
      bad: [
        '',
        'random',
        'Maglev',
        '{"policy":',
        { policy: 'random' },
        { policy: 'maglev', hashHeader: 'X-User' },
        { policy: 'maglev', hashHeader: 'user-bin' },
        { policy: 'maglev', hashHeader: '' },
        { policy: 'maglev', hashKey: '' },
        { policy: 'maglev', hashKey: 1 },
        { policy: 'least_request', choices: 2.5 },
        { policy: 'weighted', choices: 2 },
        { policy: 'weighted', polcy: 'maglev' },
      ],
    },
  ],
  ['load-balancing', bounds(policy('peak_ewma', 'tauMs'), 1, 3_600_000, 1)],
  ['load-balancing', bounds(policy('peak_ewma', 'errorPenaltyMs'), 0, 60_000, 1)],
  ['load-balancing', bounds(policy('least_request', 'choices'), 2, 10, 1)],
  [
    'retry',
    {
      good: ['off', {}, ' {}', { retryableStatusCodes: ['ABORTED', 'DATA_LOSS'] }],
      bad: [
        '',
        'on',
        '[]',
        '1',
        '{',
        { maxAttempt: 3 },
        { maxAttempts: 2.5 },
        { maxAttempts: null },
        { retryableStatusCodes: [] },
        { retryableStatusCodes: ['OK'] },
        { retryableStatusCodes: ['LATE'] },
        { retryableStatusCodes: [14] },
      ],
    },
  ],
  ['retry', bounds(object('maxAttempts'), 2, 5, 1)],
  ['retry', bounds(object('initialBackoffMs'), 0.001, 600_000, 0.0001)],
  ['retry', bounds(object('maxBackoffMs'), 0.001, 600_000, 0.0001)],
  ['retry', bounds(object('backoffMultiplier'), 0.001, 1_000, 0.0001)],
  [
    'hedging',
    {
      good: [{ methods: ['a.B/C', 'D/*'] }],
      bad: ['', {}, '[]', { methods: [] }, { methods: ['C'] }, { methods: ['a.B/C'], delay: 1 }],
    },
  ],
  ['hedging', bounds(hedging('maxAttempts'), 2, 5, 1)],
  ['hedging', bounds(hedging('delayMs'), 0, 600_000, 1)],
  [
    'not-idempotent-methods',
    { good: ['a.B/C', 'a.B/C, D/*'], bad: ['C', 'a.B/C,d', 'a.B/', '/C', 'a-b/C'] },
  ],
  [
    'ejection',
    {
      good: ['off', {}, { failurePercentage: {}, successRate: {} }],
      bad: [
        '',
        'false x',
        '[]',
        '{',
        { interval: 1 },
        { failurePercentage: null },
        { failurePercentage: { limit: 1 } },
        { successRate: { threshold: 1 } },
        { successRate: 1 },
      ],
    },
  ],
  ['ejection', bounds(object('intervalMs'), ...DELAY_MS)],
  ['ejection', bounds(object('baseEjectionMs'), ...DELAY_MS)],
  ['ejection', bounds(object('maxEjectionMs'), ...DELAY_MS)],
  ['ejection', bounds(object('maxEjectionPercent'), ...PERCENT)],
  ['ejection', bounds(object('consecutiveFailures'), 0, 1e9, 1)],
  ['ejection', bounds(object('failurePercentage', 'threshold'), ...PERCENT)],
  ['ejection', bounds(object('failurePercentage', 'minimumHosts'), ...AT_LEAST_ONE)],
  ['ejection', bounds(object('failurePercentage', 'requestVolume'), ...AT_LEAST_ONE)],
  ['ejection', bounds(object('successRate', 'stdevFactor'), 0, 1e9, 1)],
  ['ejection', bounds(object('successRate', 'minimumHosts'), ...AT_LEAST_ONE)],
  ['ejection', bounds(object('successRate', 'requestVolume'), ...AT_LEAST_ONE)],
  ['slow-start-ms', bounds(String, 0, 3_600_000, 1)],
  ['subset-size', { good: ['1', '1000000'], bad: ['', '0', '-1', '1.5', '"1"', 'x'] }],
]

const flat = (kind: 'good' | 'bad') =>
  CASES.flatMap(([name, cases]) => cases[kind].map((value) => [name, value] as const))

describe('an annotation is judged alike by the registry and by callers', () => {
  it.each(flat('good'))('roster.dev/%s may be %j', (name, value) => {
    expect(verdicts(name, value)).toEqual({ registry: true, sdk: true })
  })

  it.each(flat('bad'))('roster.dev/%s may not be %j', (name, value) => {
    expect(verdicts(name, value)).toEqual({ registry: false, sdk: false })
  })
})
