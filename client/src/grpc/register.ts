import { RosterBalancer } from '../policies/balancer.ts'
import { RosterBalancerConfig } from '../policies/balancer-config.ts'
import { extensionsOf, type GrpcModule, ownGrpc, probeGrpcJs } from './adapter.ts'
import { RosterResolver } from './resolver.ts'
import { POLICY_NAME } from './service-config.ts'
import { SCHEME } from './target.ts'

/**
 * Makes grpc-js know the scheme and the policy; further calls do nothing. This is
 * the one act of the SDK that is global to the process. Throws when this grpc-js
 * cannot be extended (see probeGrpcJs).
 *
 * `grpc`: another copy than the SDK's own. Scheme and policy are registered per
 * copy. That the SDK's parts are made of its own copy does no harm there: grpc-js
 * knows resolvers, balancers, pickers and leaves by what they can do, not by their
 * class, and the probe holds the other copy to the same minor version's parts.
 */
export function registerWithGrpc(grpc: GrpcModule = ownGrpc): void {
  probeGrpcJs(grpc)
  const { isLoadBalancerNameRegistered, registerLoadBalancerType, registerResolver } =
    extensionsOf(grpc)
  // Asked of grpc-js, not of a flag here: two copies of the SDK may share one grpc-js.
  if (isLoadBalancerNameRegistered(POLICY_NAME)) return
  registerResolver(SCHEME, RosterResolver)
  registerLoadBalancerType(POLICY_NAME, RosterBalancer, RosterBalancerConfig)
}
