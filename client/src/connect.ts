import { hostname } from 'node:os'
import { Channel, ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js'
import { type EndpointView, endpointView, waitForEndpoints } from './endpoint-view.ts'
import type { EventListener } from './events.ts'
import { channelOptions } from './grpc/channel-options.ts'
import { registerWithGrpc } from './grpc/register.ts'
import { openSources } from './grpc/resolver.ts'
import { parseTarget, printTarget, type Target } from './grpc/target.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { type RegisterOptions, Registration } from './registration.ts'
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts'
import { RosterError } from './roster-error.ts'
import { Watcher } from './watcher.ts'

export interface RosterOptions extends RegistryClientOptions {
  /** Name this process is listed under among the watchers. Default: host name and process id. */
  readonly name?: string
  /** Node this process runs on, for the pods it registers. */
  readonly node?: string
  /** Zone of the node, for the pods it registers. */
  readonly zone?: string
  /** Time to live of the lease of this process, in milliseconds. Default 15,000. */
  readonly leaseTtlMs?: number
  /**
   * Told what happens behind the scenes. Must not throw. Default: what needs the
   * programmer, a pod that is refused, becomes a process warning.
   */
  readonly onEvent?: EventListener
}

/** Of a channel to a service. */
export interface RosterChannelOptions {
  /** Credentials of the connections to the endpoints. Default: none, no TLS. */
  readonly credentials?: ChannelCredentials
  /** Further options of grpc-js; those given here win over the SDK's. */
  readonly options?: ChannelOptions
}

/** A connection to a registry: the way to the services it knows. */
export interface Roster
  extends Pick<RegistryClient, 'catalog' | 'pods' | 'endpointService' | 'leases'> {
  /** `host:port` of the registry. */
  readonly address: string
  /**
   * A channel to a service, for grpc-js and nice-grpc clients alike. Without options
   * it is one channel per target, shared by all who ask. Closed by close().
   */
  channel(target: string, options?: RosterChannelOptions): Channel
  /** Options that make a client for a `roster:` target use this connection. */
  channelOptions(own?: ChannelOptions): ChannelOptions
  /** The endpoints of a service, as they are and as they change. */
  endpoints(target: string): EndpointView
  /**
   * Registers a pod of this process and keeps it registered. Returns at once, and
   * does its work when the registry can be reached: see Registration.ready.
   */
  register(options: RegisterOptions): Registration
  /**
   * Resolves when calls to the target have somewhere to go. Fails with
   * DEADLINE_EXCEEDED, and says what is missing. Default 30,000 ms.
   */
  ready(target: string, timeoutMs?: number): Promise<void>
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
  registerWithGrpc()
  const client = new RegistryClient(address, options)
  const onEvent = options.onEvent ?? warn
  const name = options.name ?? `${hostname()}/${process.pid}`
  const watcher = new Watcher({ client, name, onEvent })
  const keeper = new LeaseKeeper({ client, ttlMs: options.leaseTtlMs ?? 15_000, onEvent })
  const channels = new ChannelCache(watcher)
  openSources.add(watcher)
  const { catalog, pods, endpointService, leases } = client

  return {
    address: client.address,
    catalog,
    pods,
    endpointService,
    leases,
    channel: (target, channelOptions) =>
      channels.channel(ownTarget(target, client), channelOptions),
    channelOptions: (own) => channelOptions(watcher, own),
    endpoints: (target) => endpointView(watcher, ownTarget(target, client)),
    register: (pod) => {
      const { node, zone } = options
      const place = { ...(node !== undefined && { node }), ...(zone !== undefined && { zone }) }
      return new Registration(pod, { keeper, registry: client.address, ...place })
    },
    ready: (target, timeoutMs = 30_000) =>
      waitForEndpoints(watcher, ownTarget(target, client), timeoutMs),
    close: async () => {
      openSources.delete(watcher)
      channels.close()
      watcher.close()
      await keeper.close()
      client.close()
    },
  }
}

/** The channels handed out, so that equal ones are one and all can be closed. */
class ChannelCache {
  readonly #watcher: Watcher
  readonly #shared = new Map<string, Channel>()
  readonly #all = new Set<Channel>()

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  channel(target: Target, options?: RosterChannelOptions): Channel {
    const key = printTarget(target)
    const shared = options === undefined ? this.#shared.get(key) : undefined
    if (shared) return shared
    const credentials = options?.credentials ?? ChannelCredentials.createInsecure()
    const channel = new Channel(key, credentials, channelOptions(this.#watcher, options?.options))
    this.#all.add(channel)
    if (options === undefined) this.#shared.set(key, channel)
    return channel
  }

  close(): void {
    for (const channel of this.#all) channel.close()
    this.#all.clear()
    this.#shared.clear()
  }
}

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

const warn: EventListener = (event) => {
  if (event.type !== 'registration_lost') return
  const message = `roster: pod ${event.pod} is not registered: ${event.error.message}`
  process.emitWarning(message, { type: 'RosterWarning', code: event.error.code })
}
