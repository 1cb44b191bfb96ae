import * as grpc from '@grpc/grpc-js'
import { checkPreferences } from '../../client/src/call-settings.ts'
import type { Endpoint } from '../../client/src/endpoint-set.ts'
import type { RosterEvent } from '../../client/src/events.ts'
import {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  type ConfigSelector,
  type GrpcUri,
  isLoadBalancerNameRegistered,
  type Resolver,
  type ResolverListener,
  registerLoadBalancerType,
  registerResolver,
  statusOrFromValue,
} from '../../client/src/grpc/adapter.ts'
import { channelOptions } from '../../client/src/grpc/channel-options.ts'
import type { ResolvedEndpoint } from '../../client/src/grpc/resolver.ts'
import { RosterBalancer } from '../../client/src/policies/balancer.ts'
import { RosterBalancerConfig } from '../../client/src/policies/balancer-config.ts'
import { statsOf } from '../../client/src/policies/channel-stats.ts'
import type { EndpointStats } from '../../client/src/policies/endpoint-stats.ts'

const SCHEME = 'pushed'
const channels = new Map<string, PushedChannel>()
let made = 0

interface PushedOptions {
  /** Attempts of a call that ends UNAVAILABLE. Default 1: none but the first. */
  readonly attempts?: number
  readonly channel?: grpc.ChannelOptions
  /** Default: no TLS. */
  readonly credentials?: grpc.ChannelCredentials
}

/** A channel whose policy is the balancer's, and whose endpoints and config the test pushes. */
export class PushedChannel {
  readonly client: grpc.Client
  /** What the balancer told so far. */
  readonly events: RosterEvent[] = []
  readonly source = {
    address: 'pushed:1',
    consumer: {
      name: 'test',
      preferences: checkPreferences({}),
      onEvent: (event: RosterEvent) => {
        this.events.push(event)
      },
    },
    subscribe: () => () => {},
    closed: new AbortController().signal,
  }
  readonly #selector: ConfigSelector
  #listener: ResolverListener | undefined
  #pushed: Parameters<ResolverListener> | undefined

  constructor({ attempts = 1, channel = {}, credentials }: PushedOptions = {}) {
    if (!isLoadBalancerNameRegistered('roster')) {
      registerLoadBalancerType('roster', RosterBalancer, RosterBalancerConfig)
    }
    registerResolver(SCHEME, PushedResolver)
    this.#selector = selectorFor(attempts)
    made += 1
    channels.set(`n${made}`, this)
    this.client = new grpc.Client(
      `${SCHEME}:n${made}`,
      credentials ?? grpc.credentials.createInsecure(),
      channelOptions(this.source, channel),
    )
  }

  /** Makes these the endpoints. Without a config the policy is round robin. */
  push(endpoints: readonly Endpoint[], config: object = { policy: 'round_robin' }): void {
    const resolved: ResolvedEndpoint[] = endpoints.map((endpoint) => ({
      addresses: endpoint.addresses.map((host) => ({ host, port: endpoint.ports[0]!.port })),
      endpoint,
    }))
    this.#pushed = [
      statusOrFromValue(resolved),
      { [CHANNEL_ARGS_CONFIG_SELECTOR_KEY]: this.#selector },
      statusOrFromValue({
        loadBalancingConfig: [{ roster: { target: 'shop/web', ...config } }],
        methodConfig: [],
      }),
      'no endpoints were pushed',
    ]
    this.#listener?.(...this.#pushed)
  }

  /** What the channel knows of an endpoint. */
  stats(id: string): EndpointStats {
    const found = statsOf(this.source, 'shop/web').find((stats) => stats.id === id)
    if (found) return found
    throw new Error(`the channel has no endpoint ${id}`)
  }

  /** For the resolver. */
  attach(listener: ResolverListener): void {
    this.#listener = listener
    const pushed = this.#pushed
    if (pushed) process.nextTick(() => listener(...pushed))
  }

  detach(): void {
    this.#listener = undefined
  }

  close(): void {
    this.client.close()
  }
}

class PushedResolver implements Resolver {
  readonly #channel: PushedChannel
  readonly #listener: ResolverListener
  #isAttached = false

  constructor(uri: GrpcUri, listener: ResolverListener) {
    this.#channel = channels.get(uri.path)!
    this.#listener = listener
  }

  static getDefaultAuthority(): string {
    return 'pushed'
  }

  updateResolution(): void {
    if (this.#isAttached) return
    this.#isAttached = true
    this.#channel.attach(this.#listener)
  }

  destroy(): void {
    this.#isAttached = false
    this.#channel.detach()
  }
}

function selectorFor(attempts: number): ConfigSelector {
  const methodConfig: grpc.MethodConfig = { name: [] }
  if (attempts > 1) {
    methodConfig.retryPolicy = {
      maxAttempts: attempts,
      initialBackoff: '0.001s',
      maxBackoff: '0.001s',
      backoffMultiplier: 1,
      retryableStatusCodes: ['UNAVAILABLE'],
    }
  }
  return {
    invoke: () => ({
      methodConfig,
      pickInformation: {},
      status: grpc.status.OK,
      dynamicFilterFactories: [],
    }),
    unref: () => {},
  }
}
