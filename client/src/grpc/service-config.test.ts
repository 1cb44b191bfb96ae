import { createRequire } from 'node:module'
import { Metadata } from '@grpc/grpc-js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CallPreferences, checkPreferences, settingsOf } from '../call-settings.ts'
import { ScratchSelector, serviceConfigOf } from './service-config.ts'

const configFor = (preferences: CallPreferences) =>
  serviceConfigOf(
    settingsOf({
      preferences: [checkPreferences(preferences)],
      definition: undefined,
      notIdempotentMethods: [],
      clientIdentity: 'me',
    }),
    'shop/web',
  )

/** The check that grpc-js makes of service configs from DNS; it is not exported. */
const { validateServiceConfig }: { validateServiceConfig: (config: unknown) => unknown } =
  createRequire(import.meta.url)('@grpc/grpc-js/build/src/service-config.js')
const ms = fc.double({ min: 0.001, max: 600_000, noNaN: true })
const methods = fc.uniqueArray(fc.constantFrom('a.B/C', 'a.B/D', 'a.B/*', 'a.E/F', 'a.E/*'))
const attempts = fc.integer({ min: 2, max: 5 })
const anyPreferences: fc.Arbitrary<CallPreferences> = fc.record(
  {
    retry: fc.record({ maxAttempts: attempts, initialBackoffMs: ms, maxBackoffMs: ms }),
    hedging: fc
      .record({ methods, maxAttempts: attempts, delayMs: ms })
      .filter((hedging) => hedging.methods.length > 0),
    notIdempotentMethods: methods,
  },
  { requiredKeys: [] },
)

describe('the service config', () => {
  it('is one that grpc-js accepts, whatever is wanted', () => {
    fc.assert(
      fc.property(anyPreferences, (preferences) => {
        const config = configFor(preferences)
        expect(validateServiceConfig(JSON.parse(JSON.stringify(config)))).toMatchObject(config)
      }),
    )
  })

  it('has the policy, with what it is for, and one that every grpc-js knows', () => {
    const preferences: CallPreferences = { policy: 'round_robin', ejection: false, slowStartMs: 5 }
    expect(configFor(preferences).loadBalancingConfig).toEqual([
      { roster: { policy: 'round_robin', ejection: false, slowStartMs: 5, target: 'shop/web' } },
      { round_robin: {} },
    ])
  })

  it('always throttles retries, and not before an endpoint is lost with its calls', () => {
    expect(configFor({ retry: false }).retryThrottling).toEqual({ maxTokens: 100, tokenRatio: 0.1 })
  })

  it('has durations in seconds', () => {
    const { methodConfig } = configFor({ retry: { initialBackoffMs: 20, maxBackoffMs: 1_000 } })
    expect(methodConfig[0]?.retryPolicy).toMatchObject({
      initialBackoff: '0.02s',
      maxBackoff: '1s',
    })
  })
})

/** What is done for a method by these preferences. */
function configOfMethod(preferences: CallPreferences, path: string) {
  const selector = new ScratchSelector()
  selector.use(configFor(preferences).methodConfig)
  const { retryPolicy, hedgingPolicy } = selector.invoke(path, new Metadata()).methodConfig
  return { isRetried: retryPolicy !== undefined, isHedged: hedgingPolicy !== undefined }
}
const retried = { isRetried: true, isHedged: false }
const hedged = { isRetried: false, isHedged: true }
const leftAlone = { isRetried: false, isHedged: false }

describe('a call', () => {
  const preferences: CallPreferences = {
    notIdempotentMethods: ['shop.Orders/Place', 'shop.Bills/*'],
    hedging: { methods: ['shop.Orders/*', 'shop.Bills/Get', 'shop.Cart/Get'] },
  }

  it.each([
    ['its method says nothing', '/shop.Stock/Get', retried],
    ['its method is not idempotent', '/shop.Orders/Place', leftAlone],
    ['no method of its service is idempotent', '/shop.Bills/Pay', leftAlone],
    ['it is hedged, but its service is not idempotent', '/shop.Bills/Get', leftAlone],
    ['its method is hedged', '/shop.Cart/Get', hedged],
    ['another method of its service is hedged', '/shop.Cart/Put', retried],
    ['its service is hedged', '/shop.Orders/Get', hedged],
  ])('is as it should be when %s', (_, path, expected) => {
    expect(configOfMethod(preferences, path)).toEqual(expected)
  })

  it('is not tried again when retries are off', () => {
    expect(configOfMethod({ retry: false }, '/shop.Stock/Get')).toEqual(leftAlone)
  })

  it('has a memory of its own', () => {
    const selector = new ScratchSelector()
    const [one, other] = [
      selector.invoke('/a.B/C', new Metadata()),
      selector.invoke('/a.B/C', new Metadata()),
    ]
    expect(one.pickInformation).not.toBe(other.pickInformation)
  })

  it('follows the newest config, also for a method that was called before', () => {
    const selector = new ScratchSelector()
    selector.use(configFor({ notIdempotentMethods: ['shop.Bills/*'] }).methodConfig)
    const path = '/shop.Bills/Pay'
    expect(selector.invoke(path, new Metadata()).methodConfig.retryPolicy).toBeUndefined()
    selector.use(configFor({ notIdempotentMethods: ['shop.Cart/*'] }).methodConfig)
    expect(selector.invoke(path, new Metadata()).methodConfig.retryPolicy).toBeDefined()
  })
})
