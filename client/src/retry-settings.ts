import { status } from '@grpc/grpc-js'
import { parseMethodNames } from './method-names.ts'
import { fieldsOf, parseNumber } from './policies/ejection-config.ts'

/**
 * How calls that could not be served are tried again elsewhere (gRFC A6). A call
 * that UNAVAILABLE ended may have run all the same, when its backend died: methods
 * for which that is wrong are named as not idempotent.
 */
export interface RetrySettings {
  /** Attempts in all, 2 to 5. Default 4. */
  readonly maxAttempts: number
  /** Mean delay before the second attempt, in milliseconds. Default 20. */
  readonly initialBackoffMs: number
  /** Greatest mean delay, in milliseconds. Default 500. */
  readonly maxBackoffMs: number
  /** By how much the delay grows with each attempt. Default 2. */
  readonly backoffMultiplier: number
  /** Names of the gRPC statuses that are tried again. Default UNAVAILABLE. */
  readonly retryableStatusCodes: readonly string[]
}

/** Hedging (gRFC A6): more attempts, elsewhere, while the first is still under way. */
export interface HedgingSettings {
  /** The methods it is done for, as `package.Service/Method` or `package.Service/*`. */
  readonly methods: readonly string[]
  /** Attempts in all, 2 to 5. Default 2. */
  readonly maxAttempts: number
  /** How long each attempt has before the next starts, in milliseconds. Default 100. */
  readonly delayMs: number
}

/** How calls are tried again; what is left out has its default. */
export type RetryPreference = Partial<RetrySettings>
/** What is hedged and how; what is left out has its default. */
export type HedgingPreference = Pick<HedgingSettings, 'methods'> & Partial<HedgingSettings>

/** grpc-js makes no more attempts than that. */
const MAX_ATTEMPTS = 5
const MAX_MS = 600_000

/** The settings that the JSON means, what is left out by default. Throws when one is impossible. */
export function parseRetry(json: unknown): RetrySettings {
  const fields = fieldsOf(json, 'retry')
  const number = (name: string, byDefault: number, min: number, max: number) =>
    parseNumber(fields[name], `retry.${name}`, { byDefault, min, max })
  return {
    maxAttempts: parseAttempts(fields.maxAttempts, 'retry.maxAttempts', 4),
    initialBackoffMs: number('initialBackoffMs', 20, 0.001, MAX_MS),
    maxBackoffMs: number('maxBackoffMs', 500, 0.001, MAX_MS),
    backoffMultiplier: number('backoffMultiplier', 2, 0.001, 1_000),
    retryableStatusCodes: parseCodes(fields.retryableStatusCodes ?? ['UNAVAILABLE']),
  }
}

/** The settings that the JSON means. Throws when one is impossible, or no method is named. */
export function parseHedging(json: unknown): HedgingSettings {
  const { methods, maxAttempts, delayMs } = fieldsOf(json, 'hedging')
  if (!Array.isArray(methods) || methods.length === 0) {
    throw new Error('hedging.methods is missing: it must be a list of the methods to hedge')
  }
  return {
    methods: parseMethodNames(methods, 'hedging.methods'),
    maxAttempts: parseAttempts(maxAttempts, 'hedging.maxAttempts', 2),
    delayMs: parseNumber(delayMs, 'hedging.delayMs', { byDefault: 100, min: 0, max: MAX_MS }),
  }
}

function parseAttempts(value: unknown, path: string, byDefault: number): number {
  const attempts = parseNumber(value, path, { byDefault, min: 2, max: MAX_ATTEMPTS })
  if (Number.isInteger(attempts)) return attempts
  throw new Error(`${path} is ${attempts}: it must be a whole number`)
}

function parseCodes(value: unknown): readonly string[] {
  const codes: readonly unknown[] = Array.isArray(value) ? value : []
  const isCode = (code: unknown) =>
    typeof code === 'string' && code !== 'OK' && typeof Reflect.get(status, code) === 'number'
  if (codes.length > 0 && codes.every(isCode)) return codes.map(String)
  throw new Error(
    `retry.retryableStatusCodes is ${JSON.stringify(value)}: it must be a list of gRPC status names, as ["UNAVAILABLE"]`,
  )
}
