import type { Service__Output } from '@roster/proto'
import { refuseUnknown } from './argument-checks.ts'
import { parseMethodNames } from './method-names.ts'
import {
  type EjectionConfig,
  fieldsOf,
  parseEjection,
  parseNumber,
} from './policies/ejection-config.ts'
import { type PolicyConfig, parsePolicy } from './policies/policy-config.ts'
import type {
  HedgingPreference,
  HedgingSettings,
  RetryPreference,
  RetrySettings,
} from './retry-settings.ts'
import { parseHedging, parseRetry } from './retry-settings.ts'
import { RosterError } from './roster-error.ts'
import { DEFAULT_SUBSET_SIZE } from './subset.ts'

/** An hour: the most the balancer takes, in milliseconds. */
const MAX_SLOW_START_MS = 3_600_000

/** A policy by its name, or with some of its settings. */
export type PolicyPreference =
  | PolicyConfig['policy']
  | {
      [P in PolicyConfig['policy']]: { readonly policy: P } & Partial<
        Extract<PolicyConfig, { policy: P }>
      >
    }[PolicyConfig['policy']]

/** When endpoints that fail are taken out; what is left out has its default. */
export type EjectionPreference = Partial<
  Omit<EjectionConfig, 'failurePercentage' | 'successRate'>
> & {
  /** Ejects endpoints of whose calls too many fail. */
  readonly failurePercentage?: Partial<EjectionConfig['failurePercentage']>
  /** Ejects endpoints that do worse than the others. */
  readonly successRate?: Partial<EjectionConfig['successRate']>
}

/**
 * How a caller wants its calls to be made. What is left out is as the service's
 * annotations say, or by default.
 */
export interface CallPreferences {
  /** How endpoints are picked. Default peak_ewma; maglev for a service with session affinity. */
  readonly policy?: PolicyPreference
  /** How calls that could not be served are tried again; `false`: not at all. */
  readonly retry?: RetryPreference | false
  /** Methods of which further attempts start before the first has failed; `false`: none. */
  readonly hedging?: HedgingPreference | false
  /**
   * Methods that are never tried again once they may have run, as
   * `package.Service/Method` or `package.Service/*`. Adds to those the service and
   * its pods name.
   */
  readonly notIdempotentMethods?: readonly string[]
  /** When endpoints that fail are taken out; `false`: never. */
  readonly ejection?: EjectionPreference | false
  /** How long a new endpoint takes to get its full share, in milliseconds. Default 10,000. */
  readonly slowStartMs?: number
  /**
   * How many of a service's endpoints this client connects to at most. Default 100;
   * no limit for maglev, where all clients must see the same endpoints.
   */
  readonly subsetSize?: number
}

/** Preferences that have been read and checked. */
export interface CheckedPreferences {
  readonly policy?: PolicyConfig
  readonly retry?: RetrySettings | false
  readonly hedging?: HedgingSettings | false
  readonly notIdempotentMethods?: readonly string[]
  readonly ejection?: EjectionPreference | false
  readonly slowStartMs?: number
  readonly subsetSize?: number
}

type Checks = {
  readonly [K in keyof CheckedPreferences]-?: (json: unknown) => Required<CheckedPreferences>[K]
}

/** The settings of each policy. */
const POLICY_SETTINGS: {
  readonly [P in PolicyConfig['policy']]: readonly (keyof Extract<PolicyConfig, { policy: P }>)[]
} = {
  peak_ewma: ['policy', 'tauMs', 'errorPenaltyMs'],
  least_request: ['policy', 'choices'],
  round_robin: ['policy'],
  weighted: ['policy'],
  maglev: ['policy', 'hashHeader', 'hashKey'],
}

/** How each preference is checked. Each throws, and says what is wrong, and how it must be. */
export const checks: Checks = {
  policy: (json) => {
    const policy = parsePolicy(typeof json === 'string' ? { policy: json } : json)
    if (typeof json !== 'string') refuseUnknown(json, POLICY_SETTINGS[policy.policy], 'policy.')
    return policy
  },
  retry: (json) => json !== false && onlyKnown(json, parseRetry(json), 'retry.'),
  hedging: (json) => json !== false && onlyKnown(json, parseHedging(json), 'hedging.'),
  notIdempotentMethods: (json) => parseMethodNames(json, 'notIdempotentMethods'),
  ejection: (json) => {
    const whole = parseEjection(json)
    if (whole === undefined) return false
    const fields = fieldsOf(json, 'ejection')
    onlyKnown(fields, whole, 'ejection.')
    onlyKnown(fields.failurePercentage, whole.failurePercentage, 'ejection.failurePercentage.')
    onlyKnown(fields.successRate, whole.successRate, 'ejection.successRate.')
    return fields
  },
  slowStartMs: (json) =>
    parseNumber(json, 'slowStartMs', { byDefault: 10_000, min: 0, max: MAX_SLOW_START_MS }),
  subsetSize: (json) => parseInteger(json, 'subsetSize'),
}

function parseInteger(json: unknown, path: string): number {
  if (Number.isInteger(json) && Number(json) >= 1) return Number(json)
  throw new Error(`${path} is ${JSON.stringify(json)}: it must be a whole number, at least 1`)
}

/** The settings, which are all there are, when the JSON has no others. */
function onlyKnown<T extends object>(json: unknown, settings: T, path: string): T {
  refuseUnknown(json, Object.keys(settings), path)
  return settings
}

/**
 * Checks what a caller wants. Throws INVALID when something is wrong with it; `others`
 * are keys that it may have beside the preferences.
 */
export function checkPreferences(
  preferences: CallPreferences,
  others: readonly string[] = [],
): CheckedPreferences {
  const known = [...Object.keys(checks), ...others]
  checkOne((json) => refuseUnknown(fieldsOf(json, 'preferences'), known, ''), preferences)
  const entries = Object.entries(checks).flatMap(([name, check]) => {
    const value: unknown = Reflect.get(preferences, name)
    return value === undefined ? [] : [[name, checkOne(check, value)]]
  })
  return Object.fromEntries(entries)
}

function checkOne(check: (json: unknown) => unknown, value: unknown): unknown {
  try {
    return check(value)
  } catch (error) {
    throw new RosterError('INVALID', error instanceof Error ? error.message : String(error))
  }
}

/** How the calls of one channel are made. */
export interface CallSettings {
  readonly policy: PolicyConfig
  /** Undefined: calls are not tried again. */
  readonly retry: RetrySettings | undefined
  readonly hedging: HedgingSettings | undefined
  /** Sorted, each once. */
  readonly notIdempotentMethods: readonly string[]
  readonly ejection: EjectionPreference | false | undefined
  readonly slowStartMs: number | undefined
  /** Undefined: no limit. */
  readonly subsetSize: number | undefined
}

/** What the settings of a channel are made of. */
export interface SettingsInput {
  /** Preferences, those that win first. */
  readonly preferences: readonly CheckedPreferences[]
  readonly definition: Service__Output | undefined
  /** Named by the endpoints. */
  readonly notIdempotentMethods: readonly string[]
  /** What session affinity holds on to: the client has no address the service would know. */
  readonly clientIdentity: string
}

/** Puts the settings together: the caller's word, then the service's, then the default. */
export function settingsOf(input: SettingsInput): CallSettings {
  const { preferences, definition, clientIdentity } = input
  const merged: CheckedPreferences = Object.assign({}, ...preferences.toReversed())
  const hasAffinity = definition?.spec?.sessionAffinity === 'ClientIP'
  const byDefault = hasAffinity
    ? { policy: 'maglev', hashKey: clientIdentity }
    : { policy: 'peak_ewma' }
  const policy = merged.policy ?? parsePolicy(byDefault)
  const methods = preferences.flatMap(({ notIdempotentMethods }) => notIdempotentMethods ?? [])
  const limit = policy.policy === 'maglev' ? undefined : DEFAULT_SUBSET_SIZE
  return {
    policy,
    retry: (merged.retry ?? parseRetry({})) || undefined,
    hedging: merged.hedging || undefined,
    notIdempotentMethods: [...new Set([...methods, ...input.notIdempotentMethods])].sort(),
    ejection: merged.ejection,
    slowStartMs: merged.slowStartMs,
    subsetSize: merged.subsetSize ?? limit,
  }
}
