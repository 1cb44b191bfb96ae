import { hostname } from 'node:os'
import type { ChannelCredentials } from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { pino } from 'pino'
import { type DnsOptions, startDns } from './dns/dns.ts'
import type { PortOf } from './dns/dns-service.ts'
import { type DockerOptions, startDocker } from './docker/docker.ts'
import { Follower } from './follower.ts'
import { type LoadBalancerOptions, startLoadBalancer } from './loadbalancer/load-balancer.ts'
import type { Module } from './module.ts'
import { type ProxyOptions, type ServiceProxy, startProxy } from './proxy/proxy.ts'
import { SnapshotFile } from './snapshot-file.ts'

export interface AgentOptions {
  /** `host:port` of the registry. */
  readonly registry: string
  /** Sent with every call as a bearer token. */
  readonly token?: string
  /** Credentials of the connection to the registry. Default: none, no TLS. */
  readonly credentials?: ChannelCredentials
  /** Node the agent runs on. Default: the host name. */
  readonly node?: string
  /** Zone of the node. */
  readonly zone?: string
  /** File that keeps what is known across restarts. Absent: none. */
  readonly snapshotFile?: string
  /** Absent: no DNS. */
  readonly dns?: DnsOptions
  /** Absent: no virtual IPs. */
  readonly proxy?: ProxyOptions
  /** Absent: containers are not registered. */
  readonly docker?: DockerOptions
  /** Absent: services of type LoadBalancer get no addresses from this agent. */
  readonly loadBalancer?: LoadBalancerOptions
  /** A level of pino. Default info. */
  readonly logLevel?: string
}

/** An agent that runs. */
export interface Agent {
  /** What listens where, as `host:port`, by the name of the module. */
  readonly addresses: Readonly<Record<string, string>>
  /** Resolves with the error when a module can do its work no longer. Stop the agent then. */
  readonly failed: Promise<unknown>
  stop(): Promise<void>
}

/**
 * Starts an agent in this process. Does not wait for the registry: DNS answers
 * from the snapshot, or with SERVFAIL, until it is heard. Fails when an address is
 * in use.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const log = pino({ name: 'roster-agent', level: options.logLevel ?? 'info' })
  const node = options.node ?? hostname()
  const { token, credentials, zone, snapshotFile } = options
  const roster = connectRoster(options.registry, {
    ...(token !== undefined && { token }),
    ...(credentials && { credentials }),
  })
  log.info({ registry: roster.address, node, zone, snapshotFile: snapshotFile ?? 'off' }, 'agent')
  const source = new Follower({
    roster,
    name: `agent/${node}`,
    log,
    ...(snapshotFile !== undefined && { snapshot: new SnapshotFile(snapshotFile, log) }),
  })
  const modules: Module[] = []
  const closeAll = async () => {
    for (const module of modules.reverse()) await module.close()
    await source.close()
    await roster.close()
  }
  try {
    const { dns, docker, loadBalancer, proxy } = options
    const place = { node, zone: zone ?? '' }
    // Before DNS, which tells at which ports services are really reached.
    const carrier = proxy && (await startProxy(source, proxy, place, log))
    if (carrier) modules.push(carrier)
    if (dns) modules.push(await startDns(source, dns, log, carrier && portsOf(carrier)))
    if (docker) modules.push(startDocker(docker, { roster, ...place, log }))
    if (loadBalancer) {
      const needs = { source, catalog: roster.catalog, place, log }
      modules.push(await startLoadBalancer(needs, loadBalancer))
    }
  } catch (error) {
    await closeAll()
    throw error
  }
  let stopped: Promise<void> | undefined
  return {
    addresses: Object.fromEntries(
      modules.flatMap(({ name, address }) => (address === undefined ? [] : [[name, address]])),
    ),
    failed: Promise.race(modules.map(({ failed }) => failed)),
    stop: () => (stopped ??= closeAll()),
  }
}

/** Ports by the proxy; a service without ClusterIP has its own. */
const portsOf =
  (proxy: ServiceProxy): PortOf =>
  ({ definition }, { protocol, port }) => {
    const address = definition?.spec?.clusterIp ?? ''
    const isKnown = protocol === 'TCP' || protocol === 'UDP'
    return (isKnown && proxy.realPort({ protocol, address, port })) || port
  }
