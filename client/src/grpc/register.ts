import { RosterBalancer, RosterBalancerConfig } from '../policies/balancer.ts'
import {
  isLoadBalancerNameRegistered,
  probeGrpcJs,
  registerLoadBalancerType,
  registerResolver,
} from './adapter.ts'
import { RosterResolver } from './resolver.ts'
import { POLICY_NAME } from './service-config.ts'
import { SCHEME } from './target.ts'

/**
 * Makes grpc-js know the scheme and the policy; further calls do nothing. This is
 * the one act of the SDK that is global to the process. Throws when this grpc-js
 * cannot be extended (see probeGrpcJs).
 */
export function registerWithGrpc(): void {
  probeGrpcJs()
  // Asked of grpc-js, not of a flag here: two copies of the SDK may share one grpc-js.
  if (isLoadBalancerNameRegistered(POLICY_NAME)) return
  registerResolver(SCHEME, RosterResolver)
  registerLoadBalancerType(POLICY_NAME, RosterBalancer, RosterBalancerConfig)
}
