import { MAX_TIMER_MS } from '../retry.ts'

/**
 * When an endpoint that stands but fails is taken out, and for how long. Names and
 * figures after gRFC A50 and Envoy's outlier detection; where ours differ, it is so
 * that callers with few calls and services with few endpoints are helped too.
 */
export interface EjectionConfig {
  /** Time between two looks at the shares of failed calls, in milliseconds. Default 10,000. */
  readonly intervalMs: number
  /** Length of the first ejection, in milliseconds; the nth is n times as long. Default 30,000. */
  readonly baseEjectionMs: number
  /** Greatest length of an ejection, in milliseconds. Default 300,000. */
  readonly maxEjectionMs: number
  /**
   * The panic threshold: when more than so many percent of the endpoints that stand
   * would be out, all are used. Default 50.
   */
  readonly maxEjectionPercent: number
  /**
   * So many calls that fail in a row (UNAVAILABLE or DEADLINE_EXCEEDED) eject at
   * once, without waiting for the interval. 0: never. Default 5.
   */
  readonly consecutiveFailures: number
  readonly failurePercentage: FailurePercentage
  readonly successRate: SuccessRate
}

/** Ejects endpoints of whose calls too many fail. */
export interface FailurePercentage {
  /** More failed calls than so many percent eject; 100: never. Default 85. */
  readonly threshold: number
  /** Not with fewer endpoints that have had enough calls. Default 2: one of two may go. */
  readonly minimumHosts: number
  /** Calls in an interval that are enough. Default 10. */
  readonly requestVolume: number
}

/** Ejects endpoints that do worse than the others. */
export interface SuccessRate {
  /** By how many thousandths of a standard deviation below the mean. Default 1,900. */
  readonly stdevFactor: number
  /** Not with fewer endpoints that have had enough calls. Default 5. */
  readonly minimumHosts: number
  /** Calls in an interval that are enough. Default 100. */
  readonly requestVolume: number
}

export const DEFAULT_EJECTION: EjectionConfig = {
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
  consecutiveFailures: 5,
  failurePercentage: { threshold: 85, minimumHosts: 2, requestVolume: 10 },
  successRate: { stdevFactor: 1_900, minimumHosts: 5, requestVolume: 100 },
}

/**
 * The config that the JSON means; undefined when it is `false`: no ejection. What is
 * not said has its default. Throws when a figure is none, or out of its bounds.
 */
export function parseEjection(json: unknown): EjectionConfig | undefined {
  if (json === false) return undefined
  const fields = fieldsOf(json, 'ejection')
  const percentage = fieldsOf(fields.failurePercentage, 'ejection.failurePercentage')
  const rate = fieldsOf(fields.successRate, 'ejection.successRate')
  const { failurePercentage, successRate, ...flat } = DEFAULT_EJECTION
  return {
    ...numbers(fields, flat, 'ejection'),
    failurePercentage: numbers(percentage, failurePercentage, 'ejection.failurePercentage'),
    successRate: numbers(rate, successRate, 'ejection.successRate'),
  }
}

/** The figure, or its default when there is none. Throws unless it is between the bounds. */
export function parseNumber(
  value: unknown,
  path: string,
  {
    byDefault,
    min,
    max,
  }: { readonly byDefault: number; readonly min: number; readonly max: number },
): number {
  if (value === undefined) return byDefault
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new Error(
    `${path} is ${JSON.stringify(value)}: it must be a number from ${min} to ${max}, or left out for ${byDefault}`,
  )
}

/** Bounds by the ends of the names, which hold the units. */
const boundsOf = (name: string) => {
  if (name.endsWith('Ms')) return { min: 1, max: MAX_TIMER_MS }
  if (name === 'threshold' || name.endsWith('Percent')) return { min: 0, max: 100 }
  if (name.startsWith('minimum') || name === 'requestVolume') return { min: 1, max: 1e9 }
  return { min: 0, max: 1e9 }
}

function numbers<T extends Readonly<Record<keyof T, number>>>(
  fields: Readonly<Record<string, unknown>>,
  defaults: T,
  path: string,
): T {
  const parsed = Object.entries<number>(defaults).map(([name, byDefault]) => [
    name,
    parseNumber(fields[name], `${path}.${name}`, { byDefault, ...boundsOf(name) }),
  ])
  return Object.fromEntries(parsed) as T
}

/** The fields of a JSON object; none when it is left out. Throws when it is something else. */
export function fieldsOf(json: unknown, path: string): Readonly<Record<string, unknown>> {
  if (json === undefined) return {}
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return json as Record<string, unknown>
  }
  throw new Error(`${path} is ${JSON.stringify(json)}: it must be an object`)
}
