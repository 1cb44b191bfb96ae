import { type ChannelOptions, connectivityState, Metadata } from '@grpc/grpc-js'
import type { Endpoint } from '../endpoint-set.ts'
import {
  type ChannelControlHelper,
  createChildChannelControlHelper,
  type Leaf,
  LeafLoadBalancer,
  type Subchannel,
} from '../grpc/adapter.ts'
import type { ResolvedEndpoint } from '../grpc/resolver.ts'
import type { ReadyEndpoint } from './picker.ts'

/** Identity of a connection: the same endpoint at another address is another one. */
export const childKey = ({ endpoint, addresses }: ResolvedEndpoint): string =>
  `${endpoint.id} ${JSON.stringify(addresses)}`

export interface ChildOptions {
  readonly resolved: ResolvedEndpoint
  readonly helper: ChannelControlHelper
  readonly options: ChannelOptions
  /** Text of the resolver for the errors of calls. */
  readonly note: string
  /** Told of every change of state; may be called before the constructor has returned. */
  readonly onState: (child: Child) => void
}

/** One endpoint of the balancer: keeps one connection to it standing. */
export class Child {
  readonly key: string
  #endpoint: Endpoint
  #leaf: Leaf | undefined
  #state: connectivityState = connectivityState.IDLE
  #ready: Subchannel | undefined
  #lastError: string | undefined
  readonly #subchannels = new Map<string, Subchannel>()

  constructor({ resolved, helper, options, note, onState }: ChildOptions) {
    this.key = childKey(resolved)
    this.#endpoint = resolved.endpoint
    const childHelper = createChildChannelControlHelper(helper, {
      createSubchannel: (address, subchannelOptions) => {
        const subchannel = helper.createSubchannel(address, subchannelOptions)
        this.#subchannels.set(subchannel.getAddress(), subchannel)
        return subchannel
      },
      updateState: (state, picker, errorMessage) => {
        this.#state = state
        this.#lastError = errorMessage ?? this.#lastError
        this.#ready =
          state === connectivityState.READY
            ? (picker.pick(NO_ARGS).subchannel ?? undefined)
            : undefined
        // Not now: the leaf is still in the middle of its own change.
        if (state === connectivityState.IDLE) process.nextTick(() => this.#leaf?.exitIdle())
        onState(this)
      },
      // The registry pushes; asking it again brings nothing.
      requestReresolution: () => {},
    })
    this.#leaf = new LeafLoadBalancer(resolved, childHelper, options, note)
    this.#leaf.startConnecting()
    this.resetBackoff()
  }

  get state(): connectivityState {
    return this.#state
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** What a picker needs; undefined unless the connection stands. */
  get ready(): ReadyEndpoint | undefined {
    return this.#ready && { key: this.key, endpoint: this.#endpoint, subchannel: this.#ready }
  }

  /** Takes over what the registry now says of the endpoint. The connection stays. */
  update(endpoint: Endpoint): void {
    // News of an endpoint that could not be reached: it may be back.
    if (endpoint.hash !== this.#endpoint.hash) this.resetBackoff()
    this.#endpoint = endpoint
  }

  exitIdle(): void {
    this.#leaf?.exitIdle()
  }

  /** Tries again now what waits to be tried again. */
  resetBackoff(): void {
    for (const subchannel of this.#subchannels.values()) {
      if (subchannel.getConnectivityState() === connectivityState.TRANSIENT_FAILURE) {
        subchannel.getRealSubchannel().resetBackoff()
      }
    }
  }

  /** Lets go of the connection; calls that are on it end in their own time. */
  destroy(): void {
    this.#leaf?.destroy()
    this.#leaf = undefined
    this.#ready = undefined
    this.#subchannels.clear()
  }
}

const NO_ARGS = { metadata: new Metadata(), extraPickInfo: {} }
