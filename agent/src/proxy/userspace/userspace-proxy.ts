import type { Logger } from 'pino'
import type { ServiceSource } from '../../service-source.ts'
import { type FrontendAddress, frontendKey } from '../model/frontend.ts'
import { ProxyModel } from '../model/proxy-model.ts'
import { HealthCheckServers } from './health-check-servers.ts'
import { firstBindablePort } from './held-listener.ts'
import { LocalEngine } from './local-engine.ts'
import { ownIPs, realIPs, realPort, routesOf } from './route.ts'
import { RouteSync } from './route-sync.ts'
import { WorkerSupervisor } from './worker-supervisor.ts'

const NODE_PORT_ADDRESSES = ['127.0.0.1']
const DRAIN_MS = 5_000

export interface UserspaceProxyOptions {
  readonly source: ServiceSource
  /** Name of this node; empty: no endpoint is local. */
  readonly node: string
  /** Zone of this node; empty: none is preferred. */
  readonly zone: string
  readonly log: Logger
  /** Addresses NodePorts are open at; `0.0.0.0`: all of IPv4. Default 127.0.0.1. */
  readonly nodePortAddresses?: readonly string[]
  /**
   * `process`, the default: a worker process carries the traffic, and callers wait while
   * a new one takes the place of a dead one. `none`: this process does it.
   */
  readonly isolation?: 'process' | 'none'
  /** How long connections may go on when the proxy closes, in milliseconds. Default 5000. */
  readonly drainMs?: number
}

/** A running userspace proxy. */
export interface UserspaceProxy {
  /** Process id of the worker; undefined without one, and before the source has told anything. */
  readonly workerPid: number | undefined
  /**
   * The port a frontend is listened at: another one than its own when this process may
   * not bind that. Undefined when no service has the frontend.
   */
  realPort(frontend: FrontendAddress): number | undefined
  /** The IPs it is listened at; none when no service has it, or it is not served here. */
  realIPs(frontend: FrontendAddress): readonly string[]
  /** Replaces the worker: nothing open is cut, and no caller refused. */
  restart(): Promise<void>
  /** Refuses new connections, lets open ones end, and ends. */
  close(): Promise<void>
}

/**
 * Carries TCP and UDP traffic from ClusterIPs, load balancer IPs, external IPs and
 * NodePorts to the services' endpoints, without any privilege. A connection is tried at
 * every endpoint before it is given up. An address that cannot be listened at shows in
 * the log and is tried again and again.
 */
export function startUserspaceProxy(options: UserspaceProxyOptions): UserspaceProxy {
  const { source, node, zone, log, drainMs = DRAIN_MS } = options
  const nodePortAddresses = options.nodePortAddresses ?? NODE_PORT_ADDRESSES
  const lowestPort = firstBindablePort()
  const machine = () => ({ ownIPs: ownIPs(), nodePortAddresses, firstBindablePort: lowestPort })
  const model = new ProxyModel({ node, zone })
  const sync = new RouteSync({
    target: (applied) => routesOf(model.frontends, machine(), applied),
    log,
  })
  const healthChecks = new HealthCheckServers({ addresses: nodePortAddresses, log })
  const local = options.isolation === 'none' ? new LocalEngine() : undefined
  if (local) void sync.use(local)
  let supervisor: WorkerSupervisor | undefined
  const unsubscribe = source.subscribe((change) => {
    model.apply(change)
    healthChecks.update(model.healthChecks)
    void sync.sync()
    // Started with the addresses of all services known: sending them one by one takes longer.
    if (local) return
    supervisor ??= new WorkerSupervisor({
      held: () => sync.held,
      use: (worker) => sync.use(worker),
      log,
    })
  })
  const find = (address: FrontendAddress) => model.frontends.get(frontendKey(address))
  return {
    get workerPid() {
      return supervisor?.pid
    },
    realIPs: (address) => {
      const frontend = find(address)
      return frontend ? realIPs(frontend, machine()) : []
    },
    realPort: (address) => {
      const frontend = find(address)
      return frontend && realPort(frontend, model.frontends, lowestPort)
    },
    restart: async () => supervisor?.replace(),
    close: async () => {
      unsubscribe()
      sync.close()
      local?.stopListening()
      await Promise.all([healthChecks.close(), local?.drained(drainMs), supervisor?.close(drainMs)])
    },
  }
}
