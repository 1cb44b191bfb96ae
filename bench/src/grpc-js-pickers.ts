import { createRequire } from 'node:module'
import { connectivityState } from '@grpc/grpc-js'
import {
  type ChannelControlHelper,
  type LoadBalancer,
  type LoadBalancingConfig,
  type Picker,
  type Subchannel,
  statusOrFromValue,
} from '../../client/dist/grpc/adapter.js'

/** What grpc-js makes its policies with, and exports nowhere. */
interface LoadBalancerFile {
  parseLoadBalancingConfig(config: object): LoadBalancingConfig
  createLoadBalancer(config: LoadBalancingConfig, helper: ChannelControlHelper): LoadBalancer
}

const load = createRequire(import.meta.url)

/**
 * The picker that a policy of grpc-js publishes for so many endpoints: its own, made by
 * the policy itself over connections that stand.
 */
export function grpcJsPicker(policy: string, endpoints: number): Picker {
  const file: LoadBalancerFile = load('@grpc/grpc-js/build/src/load-balancer.js')
  const config = file.parseLoadBalancingConfig({ [policy]: {} })
  let published: Picker | undefined
  const balancer = file.createLoadBalancer(config, {
    createSubchannel: standingSubchannel,
    updateState: (_state, picker) => {
      published = picker
    },
    requestReresolution: ignore,
    addChannelzChild: ignore,
    removeChannelzChild: ignore,
  })
  const addresses = Array.from({ length: endpoints }, (_, i) => ({
    addresses: [{ host: '127.0.0.1', port: i + 1 }],
  }))
  balancer.updateAddressList(statusOrFromValue(addresses), config, {}, 'benchmark')
  if (published === undefined) throw new Error(`${policy} of grpc-js published no picker`)
  return published
}

/** A connection that stands, as far as policies and pickers can tell. */
export function standingSubchannel(): Subchannel {
  const subchannel = {
    getConnectivityState: () => connectivityState.READY,
    isHealthy: () => true,
    getAddress: () => '127.0.0.1:1',
    getWrappedSubchannel: () => subchannel,
    addConnectivityStateListener: ignore,
    removeConnectivityStateListener: ignore,
    addHealthStateWatcher: ignore,
    removeHealthStateWatcher: ignore,
    startConnecting: ignore,
    getChannelzRef: ignore,
    ref: ignore,
    unref: ignore,
  }
  return subchannel as unknown as Subchannel
}

const ignore = (): void => {}
