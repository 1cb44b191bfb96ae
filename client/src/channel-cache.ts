import type { Channel, ChannelCredentials, ChannelOptions } from '@grpc/grpc-js'
import { type CallPreferences, checkPreferences } from './call-settings.ts'
import type { EndpointSource } from './endpoint-source.ts'
import { type GrpcModule, partsOf } from './grpc/adapter.ts'
import { channelOptions } from './grpc/channel-options.ts'
import { printTarget, type Target } from './grpc/target.ts'

/** Of a channel to a service. What it says of calls wins over the connection's defaults. */
export interface RosterChannelOptions extends CallPreferences {
  /** Credentials of the connections to the endpoints. Default: none, no TLS. */
  readonly credentials?: ChannelCredentials
  /** Further options of grpc-js; those given here win over the SDK's. */
  readonly options?: ChannelOptions
}

/** The channels handed out and not closed, so that equal ones are one and all can be closed. */
export class ChannelCache {
  readonly #source: EndpointSource
  readonly #grpc: GrpcModule
  readonly #shared = new Map<string, Channel>()
  readonly #all = new Set<Channel>()

  /** `grpc`: the copy of grpc-js the channels are made with. */
  constructor(source: EndpointSource, grpc: GrpcModule) {
    this.#source = source
    this.#grpc = grpc
  }

  channel(target: Target, options?: RosterChannelOptions): Channel {
    const key = printTarget(target)
    const shared = options === undefined ? this.#shared.get(key) : undefined
    if (shared) return shared
    const { credentials, options: own } = options ?? {}
    const checked = checkPreferences(options ?? {}, ['credentials', 'options'])
    const all = channelOptions(this.#source, own, checked)
    const grpc = partsOf(this.#grpc)
    const channel = new grpc.Channel(
      key,
      credentials ?? grpc.ChannelCredentials.createInsecure(),
      all,
    )
    this.#all.add(channel)
    if (options === undefined) this.#shared.set(key, channel)
    // There is no event for it: whoever closes a channel calls this, clients too.
    channel.close = () => {
      this.#all.delete(channel)
      if (this.#shared.get(key) === channel) this.#shared.delete(key)
      grpc.Channel.prototype.close.call(channel)
    }
    return channel
  }

  close(): void {
    for (const channel of this.#all) channel.close()
  }
}
