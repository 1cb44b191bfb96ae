import type { Logger } from 'pino'
import type { Module } from '../module.ts'
import type { ServiceSource } from '../service-source.ts'
import type { Place } from './model/backends.ts'
import type { FrontendAddress } from './model/frontend.ts'
import { whyNoNftables } from './nftables/detect.ts'
import { type NftablesProxyOptions, startNftablesProxy } from './nftables/nftables-proxy.ts'
import { startUserspaceProxy } from './userspace/userspace-proxy.ts'

export interface ProxyOptions {
  /** Who carries the traffic. `auto`: nftables where it can be used, else userspace. */
  readonly engine: 'auto' | 'nftables' | 'userspace'
  /** CIDRs of all ClusterIPs. */
  readonly serviceRanges: readonly string[]
  /** With nftables: which connections get this node's address. Default `needed`. */
  readonly masquerade?: NonNullable<NftablesProxyOptions['masquerade']>
  /** With userspace: addresses NodePorts are open at. Default 127.0.0.1. */
  readonly nodePortAddresses?: readonly string[]
}

/** A proxy that runs. */
export interface ServiceProxy extends Module {
  /** The port a frontend is reached at; undefined when it is not known. */
  realPort(frontend: FrontendAddress): number | undefined
}

/**
 * Starts the proxy that carries traffic from ClusterIPs, NodePorts, external IPs and
 * load balancer IPs to endpoints. Throws when nftables is asked for and cannot be used,
 * or when another agent has the rules of this network namespace.
 */
export async function startProxy(
  source: ServiceSource,
  { engine, serviceRanges, masquerade, nodePortAddresses }: ProxyOptions,
  place: Place,
  log: Logger,
): Promise<ServiceProxy> {
  const obstacle = engine === 'userspace' ? 'as configured' : await whyNoNftables(serviceRanges)
  if (engine === 'nftables' && obstacle !== undefined) {
    throw new Error(`the nftables proxy cannot be used: ${obstacle}; use the userspace proxy`)
  }
  const chosen = obstacle === undefined ? 'nftables' : 'userspace'
  const reason = obstacle ?? (engine === 'auto' ? 'it can be used here' : 'as configured')
  log.info({ engine: chosen, reason }, 'proxy')
  const failed = new Promise<never>(() => {})
  if (chosen === 'nftables') {
    const proxy = await startNftablesProxy({
      source,
      ...place,
      log,
      serviceRanges,
      ...(masquerade && { masquerade }),
    })
    // The kernel takes connections at any port.
    return { name: 'proxy', failed, realPort: ({ port }) => port, close: () => proxy.close() }
  }
  const proxy = startUserspaceProxy({
    source,
    ...place,
    log,
    ...(nodePortAddresses && { nodePortAddresses }),
  })
  return {
    name: 'proxy',
    failed,
    realPort: (frontend) => proxy.realPort(frontend),
    close: () => proxy.close(),
  }
}
