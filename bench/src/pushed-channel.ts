import { setImmediate as nextTurn } from 'node:timers/promises'
import { Channel, credentials, type ServiceConfig } from '@grpc/grpc-js'
import {
  type Resolver,
  type ResolverListener,
  registerResolver,
  statusOrFromValue,
} from '../../client/dist/grpc/adapter.js'
import { registerWithGrpc } from '../../client/dist/grpc/register.js'
import type { ResolvedEndpoint } from '../../client/dist/grpc/resolver.js'

const SCHEME = 'bench'

/** Listeners of the channels, by the path of their target: grpc-js makes the resolvers. */
const listeners = new Map<string, ResolverListener>()

/** A channel whose endpoints the benchmark pushes. */
export class PushedChannel {
  readonly #channel: Channel
  readonly #listener: ResolverListener
  readonly #serviceConfig: ServiceConfig
  readonly #endpoints: ResolvedEndpoint['endpoint'][]

  /** Connects to these ports, with the policy of a service config. */
  constructor(ports: readonly number[], policy: Readonly<Record<string, object>>) {
    registerWithGrpc()
    registerResolver(SCHEME, PushedResolver)
    this.#endpoints = ports.map(endpointAt)
    this.#serviceConfig = { loadBalancingConfig: [policy], methodConfig: [] }
    const path = `n${listeners.size}`
    this.#channel = new Channel(`${SCHEME}:${path}`, credentials.createInsecure(), {
      'grpc.enable_channelz': 0,
    })
    const listener = listeners.get(path)
    if (listener === undefined) throw new Error('grpc-js made no resolver for the channel')
    this.#listener = listener
    this.#channel.getConnectivityState(true)
    this.#tell()
  }

  /**
   * Pushes the list with another weight of one endpoint. How long the event loop was
   * blocked by it, in milliseconds.
   */
  async push(n: number): Promise<number> {
    const i = n % this.#endpoints.length
    const changed = this.#endpoints[i]
    if (changed) this.#endpoints[i] = { ...changed, weight: 1 + (n % 1_000), hash: n }
    await nextTurn()
    const startMs = performance.now()
    this.#tell()
    // What it left for later is part of it.
    await nextTurn()
    return performance.now() - startMs
  }

  close(): void {
    this.#channel.close()
  }

  #tell(): void {
    const resolved: ResolvedEndpoint[] = this.#endpoints.map((endpoint) => ({
      addresses: endpoint.ports.map(({ port }) => ({ host: '127.0.0.1', port })),
      endpoint,
    }))
    const list = statusOrFromValue(resolved)
    this.#listener(list, {}, statusOrFromValue(this.#serviceConfig), 'benchmark')
  }
}

class PushedResolver implements Resolver {
  constructor(uri: { readonly path: string }, listener: ResolverListener) {
    listeners.set(uri.path, listener)
  }

  static getDefaultAuthority(): string {
    return SCHEME
  }

  updateResolution(): void {}

  destroy(): void {}
}

const endpointAt = (port: number): ResolvedEndpoint['endpoint'] => ({
  id: `pod-${port}/uid-${port}`,
  pod: `pod-${port}`,
  addresses: ['127.0.0.1'],
  ports: [{ name: 'grpc', protocol: 'TCP', port, appProtocol: '' }],
  ready: true,
  serving: true,
  terminating: false,
  hostname: '',
  nodeName: '',
  zone: '',
  weight: 100,
  notIdempotentMethods: [],
  hash: 0,
})
