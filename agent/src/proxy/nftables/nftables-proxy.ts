import type { Logger } from 'pino'
import type { ServiceSource } from '../../service-source.ts'
import { HealthCheckServers } from '../userspace/health-check-servers.ts'
import { ownIPs } from '../userspace/route.ts'
import type { BaseRulesOptions } from './base-rules.ts'
import { DesiredBlocks } from './desired-blocks.ts'
import { FlowKeeper } from './flow-keeper.ts'
import { takeOwnerLock } from './owner-lock.ts'
import { Ruleset } from './ruleset.ts'
import { TableSync } from './table-sync.ts'

const LOOK_INTERVAL_MS = 30_000

export interface NftablesProxyOptions {
  readonly source: ServiceSource
  /** Name of this node; empty: no endpoint is local. */
  readonly node: string
  /** Zone of this node; empty: none is preferred. */
  readonly zone: string
  readonly log: Logger
  /** CIDRs of all ClusterIPs: packets to what nobody has of them are dropped. Default: none. */
  readonly serviceRanges?: readonly string[]
  /** Default `needed`. */
  readonly masquerade?: BaseRulesOptions['masquerade']
  /**
   * How often to look whether somebody has removed the tables, in milliseconds. Default
   * 30,000.
   */
  readonly lookIntervalMs?: number
}

/** A running nftables proxy. */
export interface NftablesProxy {
  /** Resolves when all that the source has told is in force. */
  settled(): Promise<void>
  /** Ends; the rules stay in force. */
  close(): Promise<void>
}

/**
 * Has the kernel carry TCP and UDP traffic from ClusterIPs, load balancer IPs, external
 * IPs and NodePorts to the services' endpoints, by rules of nftables in tables named
 * `roster`. The rules outlive the process: traffic goes on while the agent is away, and
 * the next one takes over. To remove them: `nft delete table ip roster`, and `ip6`.
 *
 * Node ports are open at every address of the node but loopback. The node needs
 * `net.ipv4.ip_forward=1` to carry the traffic of others, and some route to the service
 * range to carry its own. Throws when another agent has this network namespace.
 */
export async function startNftablesProxy(options: NftablesProxyOptions): Promise<NftablesProxy> {
  const { source, node, zone, log, serviceRanges = [], masquerade = 'needed' } = options
  const lock = await takeOwnerLock(`node ${node}, process ${process.pid}`)
  const desired = new DesiredBlocks({ node, zone })
  const ruleset = new Ruleset({ serviceRanges, masquerade })
  const flows = new FlowKeeper({ serviceRanges, log })
  const healthChecks = new HealthCheckServers({
    addresses: [ownIPs().has('::1') ? '::' : '0.0.0.0'],
    log,
  })
  const sync = new TableSync({
    ruleset,
    update: () => {
      const { blocks, udp, hasMore } = desired.takeChanges()
      flows.note(udp)
      healthChecks.update(desired.healthChecks)
      return { delta: ruleset.update(blocks), hasMore }
    },
    onApplied: (kind, signal) =>
      kind === 'full' ? flows.settleAll(desired.frontends, signal) : flows.settle(signal),
    lookIntervalMs: options.lookIntervalMs ?? LOOK_INTERVAL_MS,
    log,
  })
  const unsubscribe = source.subscribe((change) => {
    desired.apply(change)
    // Before everything is known, an update would take away what a former agent knew.
    if (source.isSynced) sync.sync()
  })
  return {
    settled: () => sync.settled(),
    close: async () => {
      unsubscribe()
      healthChecks.close()
      await sync.close()
      lock.release()
    },
  }
}
