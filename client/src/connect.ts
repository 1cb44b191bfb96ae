import { hostname } from 'node:os'
import type { Channel, ChannelOptions, Metadata } from '@grpc/grpc-js'
import { type CallPreferences, checkPreferences } from './call-settings.ts'
import { ChannelCache, type RosterChannelOptions } from './channel-cache.ts'
import {
  type EndpointView,
  endpointView,
  type ReadyOptions,
  waitForEndpoints,
} from './endpoint-view.ts'
import type { EventListener } from './events.ts'
import { type GrpcModule, ownGrpc, partsOf } from './grpc/adapter.ts'
import { channelOptions } from './grpc/channel-options.ts'
import { registerWithGrpc } from './grpc/register.ts'
import { openSources } from './grpc/resolver.ts'
import { parseTarget, type Target } from './grpc/target.ts'
import { type CallHint, writeHint } from './hint.ts'
import { explain, statsOf } from './policies/channel-stats.ts'
import type { EndpointStats } from './policies/endpoint-stats.ts'
import { PodProvider, type Provider } from './provider.ts'
import type { RegisterOptions } from './register-options.ts'
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts'
import { connectionClosed, RosterError } from './roster-error.ts'
import type { DrainableServer } from './server-shutdown.ts'
import { SnapshotCache } from './snapshot-cache.ts'
import { Watcher } from './watcher.ts'

/** How a process connects to a registry, and how it calls and offers services. */
export interface RosterOptions extends RegistryClientOptions {
  /** Name this process is listed under among the watchers. Default: host name and process id. */
  readonly name?: string
  /** Node this process runs on: for the pods it registers, and to know which others are near. */
  readonly node?: string
  /** Zone of the node: for the pods it registers, and to know which others are near. */
  readonly zone?: string
  /** How calls are made, whatever the services say in their annotations. */
  readonly defaults?: CallPreferences
  /**
   * File that keeps the endpoints of the services this process calls, so that its
   * next life can call them while the registry is away. A file for each process.
   * Default: none, because a library writes no file unasked.
   */
  readonly snapshotFile?: string
  /**
   * How long the registry has to answer before endpoints from the file are used, in
   * milliseconds. Default 300.
   */
  readonly staleGraceMs?: number
  /**
   * The copy of grpc-js that clients are made with, where it is another than the
   * SDK's own (`npm ls @grpc/grpc-js` lists two): grpc-js keeps schemes and policies
   * per copy, and one that does not know ours fails with `Failed to parse DNS
   * address dns:roster:///…`. Channels and hints are made with it. Default: the SDK's.
   */
  readonly grpc?: GrpcModule
  /** Time to live of the lease of this process, in milliseconds. Default 15,000. */
  readonly leaseTtlMs?: number
  /**
   * Told what happens behind the scenes. Must not throw. Default: what needs the
   * programmer, a pod that is refused, becomes a process warning.
   */
  readonly onEvent?: EventListener
}

/** A connection to a registry: the way to the services it knows. */
export interface Roster
  extends Pick<RegistryClient, 'catalog' | 'pods' | 'endpointService' | 'leases'>,
    Provider {
  /** `host:port` of the registry. */
  readonly address: string
  /**
   * Whether the registry is heard: the watch stream stands. False too while there is
   * nothing to watch.
   */
  readonly isWatching: boolean
  /**
   * A channel to a service, for grpc-js and nice-grpc clients alike. Without options
   * it is one channel per target, shared by all who ask. Closed by close().
   */
  channel(target: string, options?: RosterChannelOptions): Channel
  /**
   * Options that make a client for a `roster:` target use this connection. With
   * preferences, its calls are made as they say.
   */
  channelOptions(own?: ChannelOptions, preferences?: CallPreferences): ChannelOptions
  /** The endpoints of a service, as they are and as they change. */
  endpoints(target: string): EndpointView
  /** The services that have a channel or a watch open, as `namespace/service`. */
  services(): readonly string[]
  /** What the open channels to a service know of its endpoints, one entry for each and channel. */
  stats(target: string): readonly EndpointStats[]
  /** The same as text for people: why calls to a service go where they go. */
  explain(target: string): string
  /**
   * How long ago the registry last said that the endpoints of a service are as they
   * are, in milliseconds; in quiet times up to a bookmark interval, 5 s. Undefined
   * when nothing is known, or there is neither a channel nor a watch.
   */
  staleness(target: string): number | undefined
  /**
   * Resolves when calls to the target have somewhere to go. Fails with
   * DEADLINE_EXCEEDED, and says what is missing; with CANCELLED when the signal aborts.
   */
  ready(target: string, options?: ReadyOptions): Promise<void>
  /**
   * Headers that tell the balancer where one call should go; they stay in the
   * process. For nice-grpc: `Metadata(roster.hint({ hashKey }).getMap())`.
   */
  hint(hint: CallHint): Metadata
  /**
   * Takes the pods of this process out, without draining them, and closes every
   * channel and stream.
   */
  close(): Promise<void>
}

/**
 * Connects to a registry, `host` or `host:port` (default port 7400). Never fails
 * because the registry is away: what needs it waits or says so.
 */
export function connectRoster(address: string, options: RosterOptions = {}): Roster {
  const { grpc = ownGrpc } = options
  registerWithGrpc()
  if (options.grpc) registerWithGrpc(grpc)
  const preferences = checkPreferences(options.defaults ?? {})
  const client = new RegistryClient(address, options)
  const onEvent = carefully(options.onEvent ?? programmerWarnings())
  const name = options.name ?? `${hostname()}/${process.pid}`
  const { node, zone, leaseTtlMs = 15_000 } = options
  const place = { ...(node !== undefined && { node }), ...(zone !== undefined && { zone }) }
  const { snapshotFile: file, staleGraceMs: graceMs } = options
  const registry = client.address
  const cache = file === undefined ? undefined : new SnapshotCache({ file, registry, onEvent })
  const consumer = { name, preferences, onEvent, ...place }
  const watcher = new Watcher({ client, consumer, cache, graceMs })
  const provider = new PodProvider({ client, leaseTtlMs, onEvent, ...place })
  const channels = new ChannelCache(watcher, grpc)
  openSources.add(watcher)
  const { catalog, pods, endpointService, leases } = client

  return {
    address: client.address,
    catalog,
    pods,
    endpointService,
    leases,
    channel: (target, channelOptions) => {
      if (watcher.closed.aborted) throw connectionClosed()
      return channels.channel(ownTarget(target, client), channelOptions)
    },
    channelOptions: (own, preferences = {}) =>
      channelOptions(watcher, own, checkPreferences(preferences)),
    endpoints: (target) => endpointView(watcher, ownTarget(target, client)),
    register: (first: DrainableServer | RegisterOptions, pod?: RegisterOptions) =>
      provider.register(first, pod),
    serverInterceptor: provider.serverInterceptor,
    serverMiddleware: provider.serverMiddleware,
    serveHealth: (server) => provider.serveHealth(server),
    get isWatching() {
      return watcher.isWatching
    },
    services: () => watcher.services(),
    stats: (target) => statsOf(watcher, serviceOf(ownTarget(target, client))),
    explain: (target) => explain(watcher, serviceOf(ownTarget(target, client))),
    staleness: (target) => watcher.stalenessMs(ownTarget(target, client)),
    ready: (target, readyOptions) =>
      waitForEndpoints(watcher, ownTarget(target, client), readyOptions),
    hint: (hint) => writeHint(new (partsOf(grpc).Metadata)(), hint),
    close: async () => {
      openSources.delete(watcher)
      channels.close()
      watcher.close()
      await cache?.close()
      await provider.close()
      client.close()
    },
  }
}

const serviceOf = ({ namespace, service }: Target): string => `${namespace}/${service}`

/** A target that this connection resolves; one that names another registry is a mistake. */
function ownTarget(text: string, client: RegistryClient): Target {
  const target = parseTarget(text)
  if (target.registry === '' || target.registry === client.address)
    return { ...target, registry: '' }
  throw new RosterError(
    'INVALID',
    `target ${text} names another registry than ${client.address}: use the connection to that one`,
  )
}

/** A listener that throws has nobody above it who could do anything about it. */
function carefully(listener: EventListener): EventListener {
  if (typeof listener !== 'function') throw new RosterError('INVALID', 'onEvent: not a function')
  return (event) => {
    try {
      listener(event)
    } catch (error) {
      const reason = error instanceof Error ? error.stack : error
      warn(`onEvent threw at ${event.type}: ${reason}`)
    }
  }
}

/** Warns of what only the programmer can mend: a pod or an annotation that is refused, and, once, a token that is. */
function programmerWarnings(): EventListener {
  let isTokenRefused = false
  const warnOf = (text: string, { code, message }: RosterError) => warn(`${text}: ${message}`, code)
  return (event) => {
    if (event.type === 'annotation_ignored') {
      const { annotation, namespace, service, reason } = event
      warn(`annotation ${annotation} of service ${namespace}/${service} is ignored: ${reason}`)
    }
    if (event.type === 'registration_lost') {
      warnOf(`pod ${event.pod} is not registered`, event.error)
    }
    if (event.type !== 'lease_broken' || isTokenRefused) return
    if (event.error.code !== 'UNAUTHENTICATED') return
    isTokenRefused = true
    warnOf('the registry does not let this process register', event.error)
  }
}

const warn = (text: string, code = ''): void =>
  process.emitWarning(`roster: ${text}`, { type: 'RosterWarning', ...(code && { code }) })
