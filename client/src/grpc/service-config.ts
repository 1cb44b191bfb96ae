import { type MethodConfig, type ServiceConfig, status } from '@grpc/grpc-js'
import type { CallConfig, ConfigSelector } from './adapter.ts'

/** Name of the load balancing policy. */
export const POLICY_NAME = 'roster'

/**
 * Retries (gRFC A6): a call that could not be served is tried again elsewhere.
 * UNAVAILABLE after a backend's death may mean that it did run; callers for whom
 * that is wrong turn retries off with the channel option `grpc.enable_retries`: 0.
 */
const methodConfig: MethodConfig = {
  name: [{}],
  retryPolicy: {
    maxAttempts: 4,
    initialBackoff: '0.02s',
    maxBackoff: '0.5s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  },
}

/**
 * The service config pushed with every set. Throttling has to outlast the loss of
 * one endpoint with all its calls, and must always be present: grpc-js forgets the
 * tokens of a target when one push leaves it out.
 */
export const serviceConfig: ServiceConfig = {
  loadBalancingConfig: [{ [POLICY_NAME]: { policy: 'round_robin' } }],
  methodConfig: [methodConfig],
  retryThrottling: { maxTokens: 100, tokenRatio: 0.1 },
}

/**
 * What one call remembers from attempt to attempt: grpc-js hands every pick of a
 * call the object its config selector made for it.
 */
export interface CallScratch {
  /** Keys of the endpoints picked for the attempts so far. */
  tried?: string[]
}

/** Gives every call a scratch of its own, and the method config. */
export class ScratchSelector implements ConfigSelector {
  invoke(): CallConfig {
    const scratch: CallScratch = {}
    return {
      methodConfig,
      // Typed as strings in grpc-js, which only passes it through.
      pickInformation: scratch as unknown as CallConfig['pickInformation'],
      status: status.OK,
      dynamicFilterFactories: [],
    }
  }

  /** Called at every push although the selector stays in use. */
  unref(): void {}
}
