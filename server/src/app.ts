import { type Logger, pino } from 'pino'
import { type Config, checkExposure, DEFAULT_CONFIG, STOP_GRACE_MS } from './config.ts'
import { type GrpcServer, listenGrpc } from './grpc/server.ts'
import { eventEncoder } from './grpc/wire/events.ts'
import { ServiceAllocator } from './model/service-admission.ts'
import { Probing } from './probes/probing.ts'
import { Commits } from './registry/commits.ts'
import { Drains } from './registry/drains.ts'
import { Leases } from './registry/leases.ts'
import { Pods } from './registry/pods.ts'
import { Protection } from './registry/protection.ts'
import { Services } from './registry/services.ts'
import { Slices } from './registry/slices.ts'
import { View } from './registry/view.ts'
import { WatchHub } from './registry/watch-hub.ts'
import { openSqliteStore } from './store/sqlite/sqlite-store.ts'
import type { Store } from './store/store.ts'

/** A registry that serves. */
export interface RunningRegistry {
  /** `host:port` to call it at. */
  readonly address: string
  /** Resolves with the error if the store fails: what is served from then on is old. Stop it. */
  readonly failed: Promise<unknown>
  /** Lets calls finish, sends watchers elsewhere, and closes the store. */
  stop(): Promise<void>
}

/**
 * Starts a registry in this process: store, view, registry, doors, in this
 * order, and stops them in reverse. Absent options have the defaults of
 * `roster serve`. Fails when the file is taken, the address is in use, or
 * reachable by others without TLS, token or `insecure`.
 */
export async function startRegistry(options: Partial<Config> = {}): Promise<RunningRegistry> {
  const config = { ...DEFAULT_CONFIG, ...options }
  checkExposure(config)
  const log = pino({ name: 'roster', level: config.logLevel })
  const store = openSqliteStore({ file: config.data })
  try {
    return await serve(store, config, log)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function serve(store: Store, config: Config, log: Logger): Promise<RunningRegistry> {
  const view = new View()
  const { revision, entries } = await store.list('')
  view.load(entries, revision)

  const allocator = new ServiceAllocator({
    clusterIPs: config.clusterIPRanges,
    nodePorts: config.nodePortRange,
  })
  for (const { object } of view.services.values()) {
    for (const conflict of allocator.restore(object)) log.warn(conflict)
  }
  const hub = new WatchHub(view, { encoder: eventEncoder, storeId: store.id })
  const protection = new Protection(view, {
    onHold: (held) => {
      log.warn(held, 'too many pods expired at once: holding their lease')
      probing.held(held.lease)
    },
  })
  store.guardExpiry((due) => protection.guard(due))

  const following = new AbortController()
  let fail: (error: unknown) => void = () => undefined
  const failed = new Promise<unknown>((resolve) => {
    fail = resolve
  })
  const followed = view.follow(store, following.signal).catch((error: unknown) => {
    // Without its log the view would go on answering with old news.
    log.fatal({ err: error }, 'the store failed')
    fail(error)
  })
  const commits = new Commits(store, view)
  const { dialBack } = config
  const probing = new Probing({ view, commits, protection, log, dialBack })
  const leases = new Leases(store, view, commits, (lease) => protection.renewed(lease))
  const pods = new Pods(view, commits)
  const drains = new Drains(view, pods, hub)
  const rooms = {
    view,
    hub,
    leases,
    services: new Services(view, commits, allocator),
    pods,
    drains,
    slices: new Slices(view, commits),
    known: {
      isHeld: (lease: string) => protection.isHeld(lease),
      reachable: (pod: string) => probing.reachable(pod),
    },
  }
  const stopFollowing = async () => {
    probing.stop()
    hub.stop()
    following.abort()
    await followed
  }
  let server: GrpcServer
  try {
    server = await listenGrpc(rooms, { ...config, log })
  } catch (error) {
    await stopFollowing()
    throw error
  }
  const host = config.listen.slice(0, config.listen.lastIndexOf(':'))
  const address = `${host}:${server.port}`
  log.info(
    { address, data: config.data, revision, services: view.services.size, pods: view.pods.size },
    'serving',
  )
  const stop = async () => {
    log.info('stopping')
    // From here on no beat is heard, so no lease may run out.
    store.guardExpiry((due) => new Set(due.map(({ lease }) => lease)))
    leases.stop()
    probing.stop()
    drains.stop()
    hub.stop()
    await server.close(STOP_GRACE_MS)
    await stopFollowing()
    await store.close()
    log.info('stopped')
  }
  let stopped: Promise<void> | undefined
  return { address, failed, stop: () => (stopped ??= stop()) }
}
