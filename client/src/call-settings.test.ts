import type { Service__Output } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { type CallPreferences, checkPreferences, settingsOf } from './call-settings.ts'

/** Settings of a channel; what the channel wants comes before what the service says. */
const settingsFor = (
  channel: CallPreferences,
  annotated: CallPreferences = {},
  sessionAffinity = 'None',
) =>
  settingsOf({
    preferences: [checkPreferences(channel), checkPreferences(annotated)],
    definition: { metadata: null, spec: { sessionAffinity }, status: null } as Service__Output,
    notIdempotentMethods: ['shop.Orders/Place'],
    clientIdentity: 'n1',
  })

describe('the settings of calls', () => {
  it('are the defaults when nobody wants anything', () => {
    expect(settingsFor({})).toEqual({
      policy: { policy: 'peak_ewma', tauMs: 10_000, errorPenaltyMs: 1_000 },
      retry: {
        maxAttempts: 4,
        initialBackoffMs: 20,
        maxBackoffMs: 500,
        backoffMultiplier: 2,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
      hedging: undefined,
      notIdempotentMethods: ['shop.Orders/Place'],
      ejection: undefined,
      slowStartMs: undefined,
      subsetSize: 100,
    })
  })

  it('are as the caller wants, whatever the service says', () => {
    const annotated: CallPreferences = {
      policy: 'weighted',
      retry: { maxAttempts: 5 },
      subsetSize: 7,
    }
    const settings = settingsFor({ policy: 'round_robin', retry: false }, annotated)
    expect(settings).toMatchObject({
      policy: { policy: 'round_robin' },
      retry: undefined,
      subsetSize: 7,
    })
  })

  it('name the methods that anybody calls not idempotent, each once', () => {
    const settings = settingsFor(
      { notIdempotentMethods: ['shop.Cart/*'] },
      { notIdempotentMethods: ['shop.Orders/Place', 'shop.Bills/Pay'] },
    )
    expect(settings.notIdempotentMethods).toEqual([
      'shop.Bills/Pay',
      'shop.Cart/*',
      'shop.Orders/Place',
    ])
  })

  it('hold a client to one endpoint of a service with session affinity', () => {
    expect(settingsFor({}, {}, 'ClientIP').policy).toEqual({ policy: 'maglev', hashKey: 'n1' })
  })

  it('let a policy of the service win over its session affinity', () => {
    expect(settingsFor({}, { policy: 'weighted' }, 'ClientIP').policy.policy).toBe('weighted')
  })

  it('let all clients of maglev see the same endpoints, unless a size is asked for', () => {
    const policy = 'maglev'
    expect(settingsFor({ policy }).subsetSize).toBeUndefined()
    expect(settingsFor({ policy, subsetSize: 20 }).subsetSize).toBe(20)
  })
})

describe('a preference', () => {
  it.each<[string, object, string]>([
    ['a policy nobody knows', { policy: 'random' }, 'policy is "random"'],
    ['too many attempts', { retry: { maxAttempts: 6 } }, 'retry.maxAttempts is 6'],
    ['half an attempt', { retry: { maxAttempts: 2.5 } }, 'retry.maxAttempts is 2.5'],
    ['a status nobody knows', { retry: { retryableStatusCodes: ['LATE'] } }, '["LATE"]'],
    ['no status', { retry: { retryableStatusCodes: [] } }, 'retry.retryableStatusCodes is []'],
    ['a retry of success', { retry: { retryableStatusCodes: ['OK'] } }, '["OK"]'],
    ['hedging of no method', { hedging: { methods: [] } }, 'hedging.methods is missing'],
    ['a method without its service', { notIdempotentMethods: ['Place'] }, 'has "Place"'],
    ['an ejection that is none', { ejection: { intervalMs: -1 } }, 'ejection.intervalMs is -1'],
    ['a negative slow start', { slowStartMs: -1 }, 'slowStartMs is -1'],
    ['an empty subset', { subsetSize: 0 }, 'subsetSize is 0'],
    ['what there is none of', { polcy: 'x' }, 'polcy is unknown: use policy, retry, hedging'],
    ['retries with a typing error', { retry: { maxAttempt: 3 } }, 'retry.maxAttempt is unknown'],
    ['hedging with one', { hedging: { methods: ['a.B/C'], delay: 1 } }, 'hedging.delay is unknown'],
    ['an ejection with one', { ejection: { interval: 1 } }, 'ejection.interval is unknown'],
    [
      'a share of failures with one',
      { ejection: { failurePercentage: { treshold: 1 } } },
      'ejection.failurePercentage.treshold is unknown: use threshold, minimumHosts, requestVolume',
    ],
    [
      'the settings of another policy',
      { policy: { policy: 'peak_ewma', choices: 3 } },
      'policy.choices is unknown: use policy, tauMs, errorPenaltyMs',
    ],
  ])('for %s is refused', (_, preference, text) => {
    expect(() => checkPreferences(preference)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(text) }),
    )
  })
})
