import { describe, expect, it } from 'vitest'
import { parsePolicy } from './policy-config.ts'

describe('a policy config', () => {
  it.each([
    [{}, { policy: 'peak_ewma', tauMs: 10_000, errorPenaltyMs: 1_000 }],
    [
      { policy: 'peak_ewma', tauMs: 500, errorPenaltyMs: 0 },
      { policy: 'peak_ewma', tauMs: 500, errorPenaltyMs: 0 },
    ],
    [{ policy: 'least_request' }, { policy: 'least_request', choices: 2 }],
    [{ policy: 'round_robin' }, { policy: 'round_robin' }],
    [{ policy: 'weighted' }, { policy: 'weighted' }],
    [{ policy: 'maglev' }, { policy: 'maglev' }],
    [
      { policy: 'maglev', hashHeader: 'x-user', hashKey: 'node-1' },
      { policy: 'maglev', hashHeader: 'x-user', hashKey: 'node-1' },
    ],
  ])('%j is read as %j', (json, config) => {
    expect(parsePolicy(json)).toEqual(config)
  })

  it('passes over what is for other parts of the balancer', () => {
    const json = { policy: 'weighted', ejection: false, slowStartMs: 0, target: 'shop/web' }
    expect(parsePolicy(json)).toEqual({ policy: 'weighted' })
  })

  it.each([
    [
      { policy: 'random' },
      'policy is "random": use one of peak_ewma, least_request, round_robin, weighted, maglev',
    ],
    [{ policy: 'toString' }, 'policy is "toString": use one of'],
    [{ tauMs: 0 }, 'tauMs is 0: use a number from 1 to 3600000'],
    [{ tauMs: '5s' }, 'tauMs is "5s": use a number'],
    [{ errorPenaltyMs: -1 }, 'errorPenaltyMs is -1: use a number from 0 to 60000'],
    [{ policy: 'least_request', choices: 11 }, 'choices is 11: use a number from 2 to 10'],
    [{ policy: 'least_request', choices: 2.5 }, 'choices is 2.5: use a whole number from 2 to 10'],
    [
      { policy: 'maglev', hashHeader: 'X-User' },
      'hashHeader is "X-User": use the name of a header',
    ],
    [{ policy: 'maglev', hashHeader: 'user-bin' }, 'hashHeader is "user-bin": use'],
    [{ policy: 'maglev', hashKey: '' }, 'hashKey is "": use a string that is not empty'],
    ['round_robin', 'policy config is "round_robin": use an object like'],
    [null, 'policy config is null: use an object like'],
  ])('%j is refused', (json, message) => {
    expect(() => parsePolicy(json)).toThrow(message)
  })
})
