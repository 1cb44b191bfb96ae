import { describe, expect, it } from 'vitest'
import { RosterBalancerConfig } from './balancer-config.ts'
import { DEFAULT_EJECTION } from './ejection-config.ts'

const parse = (json: unknown) => RosterBalancerConfig.createFromJson(json)

describe('the config of the policy', () => {
  it('has a default for everything', () => {
    expect(parse({})).toMatchObject({
      policy: { policy: 'peak_ewma' },
      ejection: DEFAULT_EJECTION,
      slowStartMs: 10_000,
      connectTimeoutMs: 5_000,
      target: '',
    })
  })

  it('takes what it is given', () => {
    const config = parse({
      policy: 'least_request',
      choices: 3,
      ejection: { intervalMs: 500, failurePercentage: { threshold: 50 } },
      slowStartMs: 0,
      connectTimeoutMs: 200,
      target: 'shop/web',
    })
    const { failurePercentage } = DEFAULT_EJECTION
    expect(config).toMatchObject({
      policy: { policy: 'least_request', choices: 3 },
      ejection: {
        ...DEFAULT_EJECTION,
        intervalMs: 500,
        failurePercentage: { ...failurePercentage, threshold: 50 },
      },
      slowStartMs: 0,
      connectTimeoutMs: 200,
      target: 'shop/web',
    })
  })

  it('can do without ejection', () => {
    expect(parse({ ejection: false }).ejection).toBeUndefined()
  })

  it('passes over fields it does not know, as service configs of later versions have them', () => {
    expect(parse({ ejection: { later: 1 }, more: true }).ejection).toEqual(DEFAULT_EJECTION)
  })

  it.each([
    [{ policy: 'fastest' }, 'policy is "fastest"'],
    [{ slowStartMs: -1 }, 'slowStartMs is -1: it must be a number from 0 to 3600000'],
    [{ connectTimeoutMs: '5s' }, 'connectTimeoutMs is "5s": it must be a number from 1 to'],
    [{ ejection: 'off' }, 'ejection is "off": it must be an object'],
    [{ ejection: { intervalMs: 0 } }, 'ejection.intervalMs is 0: it must be a number from 1 to'],
    [
      { ejection: { successRate: { minimumHosts: null } } },
      'ejection.successRate.minimumHosts is null: it must be a number from 1 to',
    ],
    [[], 'roster is []: it must be an object'],
  ])('refuses %j and says what is wrong', (json, message) => {
    expect(() => parse(json)).toThrow(message)
  })

  it('equals another one of the same content', () => {
    const json = { policy: 'weighted', ejection: false }
    expect([parse(json).equals(parse({ ...json })), parse(json).equals(parse({}))]).toEqual([
      true,
      false,
    ])
  })
})
