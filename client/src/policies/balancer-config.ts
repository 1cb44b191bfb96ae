import type { LoadBalancingConfig } from '../grpc/adapter.ts'
import { POLICY_NAME } from '../grpc/service-config.ts'
import { type EjectionConfig, fieldsOf, parseEjection, parseNumber } from './ejection-config.ts'
import { type PolicyConfig, parsePolicy } from './policy-config.ts'

const DEFAULT_SLOW_START_MS = 10_000
const DEFAULT_CONNECT_TIMEOUT_MS = 5_000
const ONE_HOUR_MS = 3_600_000

/**
 * Config of the policy in a service config: `{"roster": {"policy": "peak_ewma",
 * "ejection": {...}, "slowStartMs": 10000, "connectTimeoutMs": 5000, "target":
 * "shop/web"}}`, next to the fields of the way to pick. All are optional; what is
 * not known is passed over.
 */
export class RosterBalancerConfig implements LoadBalancingConfig {
  readonly policy: PolicyConfig
  /** Undefined, by `false`: endpoints are not ejected. */
  readonly ejection: EjectionConfig | undefined
  /** How long the weight of a newcomer grows, in milliseconds; 0: not at all. Default 10,000. */
  readonly slowStartMs: number
  /** What an attempt to connect may take, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs: number
  /** `namespace/service` the channel is for, by which its figures are found. */
  readonly target: string
  readonly #json: object

  /** Throws when a field is not what it should be, and names it. */
  constructor(json: unknown = {}) {
    const fields = fieldsOf(json, POLICY_NAME)
    this.policy = parsePolicy(fields)
    this.ejection = parseEjection(fields.ejection)
    this.slowStartMs = parseNumber(fields.slowStartMs, 'slowStartMs', {
      byDefault: DEFAULT_SLOW_START_MS,
      min: 0,
      max: ONE_HOUR_MS,
    })
    this.connectTimeoutMs = parseNumber(fields.connectTimeoutMs, 'connectTimeoutMs', {
      byDefault: DEFAULT_CONNECT_TIMEOUT_MS,
      min: 1,
      max: ONE_HOUR_MS,
    })
    this.target = typeof fields.target === 'string' ? fields.target : ''
    this.#json = fields
  }

  /** The same config for the same object: every push of a set brings the object of the last one. */
  static createFromJson(json: unknown): RosterBalancerConfig {
    if (typeof json !== 'object' || json === null) return new RosterBalancerConfig(json)
    const known = configs.get(json)
    if (known) return known
    const config = new RosterBalancerConfig(json)
    configs.set(json, config)
    return config
  }

  getLoadBalancerName(): string {
    return POLICY_NAME
  }

  toJsonObject(): object {
    return { [POLICY_NAME]: this.#json }
  }

  /** Whether both came from the same JSON: every push brings a config, and most are the last one. */
  equals(other: RosterBalancerConfig): boolean {
    return this.#json === other.#json || JSON.stringify(this.#json) === JSON.stringify(other.#json)
  }
}

const configs = new WeakMap<object, RosterBalancerConfig>()
