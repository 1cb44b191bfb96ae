/**
 * Everything the SDK takes from the `experimental` namespace of grpc-js, which
 * promises no stability between minor versions: it changed in 1.13.0 and 1.14.0.
 * No other file may name it, so that a new minor version is one file to read.
 */
import { ChannelCredentials, experimental } from '@grpc/grpc-js'
import { RosterError } from '../roster-error.ts'

export type ConfigSelector = experimental.ConfigSelector
export type CallConfig = ReturnType<experimental.ConfigSelector['invoke']>
export type ChannelControlHelper = experimental.ChannelControlHelper
export type GrpcEndpoint = experimental.Endpoint
export type GrpcUri = experimental.GrpcUri
export type Leaf = experimental.LeafLoadBalancer
export type LoadBalancer = experimental.LoadBalancer
export type LoadBalancingConfig = experimental.TypedLoadBalancingConfig
export type Picker = experimental.Picker
export type PickArgs = experimental.PickArgs
export type PickResult = experimental.PickResult
export type Resolver = experimental.Resolver
export type ResolverListener = experimental.ResolverListener
export type SecureConnector = experimental.SecureConnector
export type StatusOr<T> = experimental.StatusOr<T>
export type Subchannel = experimental.SubchannelInterface

export const {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  LeafLoadBalancer,
  PickResultType,
  SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX,
  UnavailablePicker,
  createChildChannelControlHelper,
  isLoadBalancerNameRegistered,
  registerLoadBalancerType,
  registerResolver,
  statusOrFromError,
  statusOrFromValue,
} = experimental

/** Which grpc-js the SDK is written for. */
const SUPPORTED_GRPC_JS = '~1.14'

/** What 1.14 has and 1.13 or a changed later version has not, by name. */
const REQUIRED: Readonly<Record<string, () => boolean>> = {
  'experimental.LeafLoadBalancer': () =>
    ['startConnecting', 'exitIdle', 'destroy'].every(
      (method) => typeof Reflect.get(LeafLoadBalancer.prototype, method) === 'function',
    ),
  'experimental.statusOrFromValue': () =>
    statusOrFromValue(1).ok && !statusOrFromError({ code: 14, details: '' }).ok,
  'experimental.CHANNEL_ARGS_CONFIG_SELECTOR_KEY': () =>
    typeof CHANNEL_ARGS_CONFIG_SELECTOR_KEY === 'string',
  'experimental.SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX': () =>
    typeof SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX === 'string',
  'experimental.PickResultType.DROP': () => typeof PickResultType.DROP === 'number',
  'experimental.createChildChannelControlHelper': () =>
    typeof createChildChannelControlHelper === 'function',
  'experimental.registerResolver': () => typeof registerResolver === 'function',
  'experimental.registerLoadBalancerType': () =>
    typeof registerLoadBalancerType === 'function' &&
    typeof isLoadBalancerNameRegistered === 'function',
  'ChannelCredentials._createSecureConnector': () =>
    typeof Reflect.get(ChannelCredentials.createInsecure(), '_createSecureConnector') ===
    'function',
}

/**
 * Throws when the grpc-js found at run time is not one the SDK can extend, and
 * says what it lacks and which version has it; otherwise the first call would
 * fail in a way that names neither.
 */
export function probeGrpcJs(): void {
  const missing = Object.entries(REQUIRED).filter(([, present]) => !isTrue(present))
  if (missing.length === 0) return
  const names = missing.map(([name]) => name).join(', ')
  throw new RosterError(
    'FAILED_PRECONDITION',
    `this @grpc/grpc-js lacks ${names}: install @grpc/grpc-js@${SUPPORTED_GRPC_JS}`,
  )
}

function isTrue(present: () => boolean): boolean {
  try {
    return present()
  } catch {
    // Absent altogether; the caller lists it.
    return false
  }
}
