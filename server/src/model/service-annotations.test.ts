import { describe, expect, it } from 'vitest'
import { FieldErrors } from './field-errors.ts'
import { validateServiceAnnotations } from './service-annotations.ts'

/** What is wrong with one annotation of a service. */
const problemsOf = (key: string, value: unknown) => {
  const errors = new FieldErrors()
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  validateServiceAnnotations({ [key]: text }, errors)
  return errors.violations.map(({ field, description }) => `${field}: ${description}`)
}

describe('an annotation of a service', () => {
  it.each([
    ['load-balancing', 'peak_ewma'],
    ['load-balancing', 'maglev'],
    ['load-balancing', { policy: 'maglev', hashHeader: 'x-user' }],
    ['retry', 'off'],
    ['retry', {}],
    [
      'retry',
      {
        maxAttempts: 5,
        initialBackoffMs: 0.5,
        maxBackoffMs: 100,
        backoffMultiplier: 1.5,
        retryableStatusCodes: ['UNAVAILABLE', 'ABORTED'],
      },
    ],
    ['hedging', { methods: ['shop.v1.Orders/Get', 'Echo/*'], maxAttempts: 2, delayMs: 0 }],
    ['hedging', { methods: ['shop.v1.Orders/*'] }],
    ['not-idempotent-methods', 'shop.v1.Orders/Pay'],
    ['not-idempotent-methods', 'shop.v1.Orders/Pay, shop.v1.Billing/*'],
    ['ejection', 'off'],
    ['ejection', { maxEjectionPercent: 10 }],
    ['slow-start-ms', '0'],
    ['slow-start-ms', '30000'],
    ['subset-size', '1'],
  ])('roster.dev/%s may be %j', (name, value) => {
    expect(problemsOf(`roster.dev/${name}`, value)).toEqual([])
  })

  it.each([
    ['load-balancing', 'random', 'must be one of peak_ewma, least_request'],
    ['load-balancing', '', 'must be one of'],
    ['load-balancing', {}, 'policy is missing'],
    ['load-balancing', { policy: 'random' }, 'policy must be one of'],
    ['load-balancing', '{"policy":', 'must be a JSON object'],
    ['retry', 'on', 'must be off, or a JSON object'],
    ['retry', '[]', 'must be off, or a JSON object'],
    ['retry', { maxAttempts: 1 }, 'maxAttempts must be a whole number from 2 to 5'],
    ['retry', { maxAttempts: 6 }, 'maxAttempts must be a whole number from 2 to 5'],
    ['retry', { maxAttempts: 2.5 }, 'maxAttempts must be a whole number from 2 to 5'],
    ['retry', { maxAttempts: '3' }, 'maxAttempts must be a whole number from 2 to 5'],
    ['retry', { initialBackoffMs: 0 }, 'initialBackoffMs must be a number from 0.001 to'],
    ['retry', { maxBackoffMs: -1 }, 'maxBackoffMs must be a number from 0.001 to'],
    ['retry', { backoffMultiplier: null }, 'backoffMultiplier must be a number from 0.001 to'],
    ['retry', { retryableStatusCodes: [] }, 'retryableStatusCodes must be a list'],
    ['retry', { retryableStatusCodes: ['OK'] }, 'item 0: must be the name of a gRPC status'],
    ['retry', { retryableStatusCodes: [14] }, 'item 0: must be the name of a gRPC status'],
    ['retry', { attempts: 3 }, 'attempts is unknown: use backoffMultiplier, initialBackoffMs'],
    ['retry', '{"__proto__": 1}', '__proto__ is unknown'],
    ['hedging', 'off', 'must be a JSON object'],
    ['hedging', { maxAttempts: 2 }, 'methods is missing'],
    ['hedging', { methods: ['Get'] }, 'methods item 0: must be package.Service/Method'],
    ['hedging', { methods: [1] }, 'methods item 0: must be package.Service/Method'],
    ['hedging', { methods: ['a.B/C'], delayMs: -1 }, 'delayMs must be a number'],
    ['not-idempotent-methods', '', 'item 0: must be package.Service/Method'],
    ['not-idempotent-methods', 'a.B/C,d', 'item 1: must be package.Service/Method'],
    ['ejection', 'false', 'must be off, or a JSON object'],
    ['slow-start-ms', '-1', 'must be a whole number from 0'],
    ['slow-start-ms', '1.5', 'must be a whole number from 0'],
    ['slow-start-ms', '9999999999', 'must be a whole number from 0'],
    ['subset-size', '0', 'must be a whole number from 1'],
    ['subset-size', '08', 'must be a whole number from 1'],
  ])('roster.dev/%s may not be %j', (name, value, problem) => {
    const [first, ...others] = problemsOf(`roster.dev/${name}`, value)
    expect(others).toEqual([])
    expect(first).toMatch(/^metadata\.annotations\[roster\.dev\/[a-z-]+\]: Invalid value: /)
    expect(first).toContain(problem)
  })

  it('of roster.dev that there is none of is refused with those there are', () => {
    expect(problemsOf('roster.dev/retries', 'off')).toEqual([
      'metadata.annotations[roster.dev/retries]: Unsupported value: "roster.dev/retries": supported values: ' +
        '"roster.dev/ejection", "roster.dev/hedging", "roster.dev/load-balancing", ' +
        '"roster.dev/not-idempotent-methods", "roster.dev/retry", "roster.dev/slow-start-ms", "roster.dev/subset-size"',
    ])
  })

  it.each(['retry', 'example.com/retry', 'prometheus.io/scrape', 'roster.device/x'])(
    'of others, like %s, is free',
    (key) => {
      expect(problemsOf(key, 'anything')).toEqual([])
    },
  )

  it('that is long and wrong is cut, so that what is wrong with it is still told', () => {
    const [problem = ''] = problemsOf('roster.dev/retry', { maxAttempts: 9, x: 'y'.repeat(10_000) })
    expect(problem.length).toBeLessThan(240)
    expect(problem).toContain('maxAttempts must be')
  })
})
