import { RosterError } from '../roster-error.ts'

/** How endpoints are picked, with all defaults filled in. */
export type PolicyConfig =
  | PeakEwmaConfig
  | LeastRequestConfig
  | { readonly policy: 'round_robin' }
  | { readonly policy: 'weighted' }
  | MaglevConfig

/** Of two endpoints at random, the one with the lower expected latency times load. */
export interface PeakEwmaConfig {
  readonly policy: 'peak_ewma'
  /** Time constant of the latency average, in milliseconds. Default 10,000. */
  readonly tauMs: number
  /** What a failed call counts as at least, in milliseconds. Default 1,000. */
  readonly errorPenaltyMs: number
}

/** Of some endpoints at random, the one with the fewest calls under way (gRFC A48). */
export interface LeastRequestConfig {
  readonly policy: 'least_request'
  /** How many are compared, 2 to 10. Default 2. */
  readonly choices: number
}

/** The same endpoint for the same key, as long as the endpoint is there. */
export interface MaglevConfig {
  readonly policy: 'maglev'
  /** Request header whose value is the key of a call that brings no hint. */
  readonly hashHeader?: string
  /** One key for all calls, before any header: session affinity by client. */
  readonly hashKey?: string
}

type Fields = Readonly<Record<string, unknown>>

const PARSERS: Readonly<Record<PolicyConfig['policy'], (fields: Fields) => PolicyConfig>> = {
  peak_ewma: (fields) => ({
    policy: 'peak_ewma',
    tauMs: numberIn(fields, 'tauMs', { from: 1, to: 3_600_000, byDefault: 10_000 }),
    errorPenaltyMs: numberIn(fields, 'errorPenaltyMs', { from: 0, to: 60_000, byDefault: 1_000 }),
  }),
  least_request: (fields) => {
    const choices = numberIn(fields, 'choices', { from: 2, to: 10, byDefault: 2 })
    if (!Number.isInteger(choices)) throw invalid('choices', choices, 'a whole number from 2 to 10')
    return { policy: 'least_request', choices }
  },
  round_robin: () => ({ policy: 'round_robin' }),
  weighted: () => ({ policy: 'weighted' }),
  maglev: (fields) => ({
    policy: 'maglev',
    ...optionalText(fields, 'hashHeader', /^(?!.*-bin$)[0-9a-z_.-]+$/, HEADER_WANTED),
    ...optionalText(fields, 'hashKey', /./s, 'a string that is not empty'),
  }),
}

const HEADER_WANTED = 'the name of a header in lower case that does not end in -bin'

/**
 * Reads `{"policy": "peak_ewma", "tauMs": 5000}` and the like. Fields of other parts
 * of the balancer's config are passed over. Default: peak_ewma. Errors: INVALID with
 * the name of the field and what it may be.
 */
export function parsePolicy(json: unknown): PolicyConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new RosterError(
      'INVALID',
      `policy config is ${JSON.stringify(json)}: use an object like {"policy": "round_robin"}`,
    )
  }
  const fields = json as Fields
  const name = fields.policy ?? 'peak_ewma'
  if (isPolicyName(name)) return PARSERS[name](fields)
  throw invalid('policy', name, `one of ${Object.keys(PARSERS).join(', ')}`)
}

const isPolicyName = (name: unknown): name is PolicyConfig['policy'] =>
  typeof name === 'string' && Object.hasOwn(PARSERS, name)

function numberIn(
  fields: Fields,
  name: string,
  {
    from,
    to,
    byDefault,
  }: { readonly from: number; readonly to: number; readonly byDefault: number },
): number {
  const value = fields[name] ?? byDefault
  if (typeof value === 'number' && value >= from && value <= to) return value
  throw invalid(name, value, `a number from ${from} to ${to}`)
}

function optionalText(fields: Fields, name: string, pattern: RegExp, wanted: string) {
  const value = fields[name]
  if (value === undefined) return {}
  if (typeof value === 'string' && pattern.test(value)) return { [name]: value }
  throw invalid(name, value, wanted)
}

const invalid = (field: string, value: unknown, wanted: string): RosterError =>
  new RosterError('INVALID', `${field} is ${JSON.stringify(value)}: use ${wanted}`, {
    violations: [{ field, description: `use ${wanted}` }],
  })
