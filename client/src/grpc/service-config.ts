import { type Metadata, type MethodConfig, type ServiceConfig, status } from '@grpc/grpc-js'
import type { CallSettings } from '../call-settings.ts'
import { configNameOf, includesMethod } from '../method-names.ts'
import { type CallHints, takeHints } from '../policies/call-hints.ts'
import type { HedgingSettings, RetrySettings } from '../retry-settings.ts'
import type { CallConfig, ConfigSelector } from './adapter.ts'

/** Name of the load balancing policy. */
export const POLICY_NAME = 'roster'

/**
 * The service config of a channel whose calls are made so. `target`:
 * `namespace/service`. Throttling has to outlast the loss of one endpoint with all
 * its calls, and must always be present: grpc-js forgets the tokens of a target
 * when one push leaves it out.
 */
export function serviceConfigOf(settings: CallSettings, target: string): ServiceConfig {
  const { policy, ejection, slowStartMs } = settings
  const roster = {
    ...policy,
    ...(ejection !== undefined && { ejection }),
    ...(slowStartMs !== undefined && { slowStartMs }),
    target,
  }
  return {
    // The second is for a grpc-js that lost the first; it skips names it does not know.
    loadBalancingConfig: [{ [POLICY_NAME]: roster }, { round_robin: {} }],
    methodConfig: methodConfigsOf(settings),
    retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
  }
}

/**
 * All methods; those that are not idempotent, which grpc-js itself still tries again
 * when they cannot have run; and those that are hedged, unless they are among the
 * former.
 */
function methodConfigsOf(settings: CallSettings): MethodConfig[] {
  const { retry, hedging, notIdempotentMethods: never } = settings
  const isNever = new Set(never)
  const hedged = hedging?.methods.filter((name) => !includesMethod(isNever, name)) ?? []
  const configs: MethodConfig[] = [{ name: [{}], ...(retry && { retryPolicy: policyOf(retry) }) }]
  if (never.length > 0) configs.push({ name: never.map(configNameOf) })
  if (hedging && hedged.length > 0) {
    configs.push({ name: hedged.map(configNameOf), hedgingPolicy: hedgingPolicyOf(hedging) })
  }
  return configs
}

const policyOf = (retry: RetrySettings): NonNullable<MethodConfig['retryPolicy']> => ({
  maxAttempts: retry.maxAttempts,
  initialBackoff: durationOf(retry.initialBackoffMs),
  maxBackoff: durationOf(retry.maxBackoffMs),
  backoffMultiplier: retry.backoffMultiplier,
  retryableStatusCodes: [...retry.retryableStatusCodes],
})

const hedgingPolicyOf = (hedging: HedgingSettings): NonNullable<MethodConfig['hedgingPolicy']> => ({
  maxAttempts: hedging.maxAttempts,
  hedgingDelay: durationOf(hedging.delayMs),
  // One endpoint that cannot serve does not end the attempts at the others.
  nonFatalStatusCodes: ['UNAVAILABLE'],
})

/** Seconds as service configs have them: a decimal number and an s. */
const durationOf = (ms: number): string => `${(ms / 1000).toFixed(6).replace(/\.?0+$/, '')}s`

/**
 * What one call remembers from attempt to attempt: grpc-js hands every pick of a
 * call the object its config selector made for it.
 */
export interface CallScratch {
  /** Keys of the endpoints picked for the attempts so far. Never changed in place. */
  tried?: string[]
  /** What the call asks of the policy; absent where it asks nothing. */
  hints?: CallHints
}

const NO_FILTERS: CallConfig['dynamicFilterFactories'] = []

/** Methods that were called and have no config of their own are remembered up to this many. */
const MAX_REMEMBERED = 1_000

/**
 * Gives every call a scratch of its own, and the config of its method: by its full
 * name, else by its service, else the one for all (gRFC A2). One selector serves a
 * channel for life, and only its methods change: grpc-js would connect every
 * endpoint anew for another one.
 */
export class ScratchSelector implements ConfigSelector {
  #forAll: MethodConfig = { name: [] }
  /** By `/package.Service/Method` and, for all of a service, `/package.Service/`. */
  #byPath = new Map<string, MethodConfig>()
  #sizeLimit = 0

  /** Takes these configs for the calls to come. */
  use(configs: readonly MethodConfig[]): void {
    const byPath = new Map<string, MethodConfig>()
    this.#forAll = { name: [] }
    for (const config of configs) {
      for (const { service, method } of config.name) {
        if (service) byPath.set(`/${service}/${method ?? ''}`, config)
        else this.#forAll = config
      }
    }
    this.#byPath = byPath
    this.#sizeLimit = byPath.size + MAX_REMEMBERED
  }

  /** The metadata is a copy that grpc-js has made for the call. */
  invoke(path: string, metadata: Metadata): CallConfig {
    const scratch: CallScratch = {}
    const hints = takeHints(metadata)
    if (hints) scratch.hints = hints
    return {
      methodConfig: this.#byPath.size === 0 ? this.#forAll : this.#configOf(path),
      // Typed as strings in grpc-js, which only passes it through.
      pickInformation: scratch as unknown as CallConfig['pickInformation'],
      status: status.OK,
      dynamicFilterFactories: NO_FILTERS,
    }
  }

  /** Called at every push although the selector stays in use. */
  unref(): void {}

  #configOf(path: string): MethodConfig {
    const known = this.#byPath.get(path)
    if (known) return known
    const service = path.slice(0, path.lastIndexOf('/') + 1)
    const config = this.#byPath.get(service) ?? this.#forAll
    // The next call finds it without cutting up its name.
    if (this.#byPath.size < this.#sizeLimit) this.#byPath.set(path, config)
    return config
  }
}
