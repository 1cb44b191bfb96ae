import { type ChannelOptions, connectivityState, Metadata } from '@grpc/grpc-js'
import type { Endpoint } from '../endpoint-set.ts'
import {
  type ChannelControlHelper,
  createChildChannelControlHelper,
  type GrpcEndpoint,
  heardSubchannel,
  type Leaf,
  LeafLoadBalancer,
  type Listen,
  type Subchannel,
} from '../grpc/adapter.ts'
import type { ResolvedEndpoint } from '../grpc/resolver.ts'
import type { AnswerHold } from './answer-hold.ts'
import { ConnectWatchdog } from './connect-watchdog.ts'
import { EndpointLoad } from './endpoint-load.ts'
import { podUidOf, stampUid } from './pod-uid.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'

export interface ChildOptions {
  readonly resolved: ResolvedEndpoint
  readonly helper: ChannelControlHelper
  readonly options: ChannelOptions
  /** Text of the resolver for the errors of calls. */
  readonly note: string
  /** Of the channel. */
  readonly answers: AnswerHold
  /** What an attempt to connect may take. */
  readonly connectTimeoutMs: number
  /** Told of every change of state; may be called before the constructor has returned. */
  readonly onState: (child: Child) => void
  /** Told when calls to the endpoint fail, and how many did so in a row. */
  readonly onUnreachable: (child: Child, inARow: number) => void
}

/** One endpoint of the balancer: keeps one connection to it standing. */
export class Child {
  readonly addresses: GrpcEndpoint['addresses']
  /** What the calls to the endpoint have shown. */
  readonly load: EndpointLoad
  readonly #connectTimeoutMs: number
  readonly #subchannels = new Map<string, WatchedSubchannel>()
  #endpoint: Endpoint
  #leaf: Leaf | undefined
  #state: connectivityState = connectivityState.IDLE
  #subchannel: Subchannel | undefined
  #lastError: string | undefined
  #ready: ReadyEndpoint | undefined

  constructor({ resolved, helper, options, note, answers, ...rest }: ChildOptions) {
    this.addresses = resolved.addresses
    this.load = new EndpointLoad((inARow) => rest.onUnreachable(this, inARow))
    this.#endpoint = resolved.endpoint
    // Part of the id, and so the same for the life of the child.
    const uid = podUidOf(resolved.endpoint)
    const listen: Listen = (method, metadata, listener) => {
      stampUid(metadata, uid)
      return answers.listen(method, listener)
    }
    this.#connectTimeoutMs = rest.connectTimeoutMs
    const childHelper = createChildChannelControlHelper(helper, {
      createSubchannel: (address, subchannelOptions) =>
        this.#watch(helper.createSubchannel(address, subchannelOptions)),
      updateState: (state, picker, errorMessage) => {
        this.#state = state
        this.#lastError = errorMessage ?? this.#lastError
        const isReady = state === connectivityState.READY
        const picked = isReady ? picker.pick(NO_ARGS).subchannel : null
        this.#subchannel = picked === null ? undefined : heardSubchannel(picked, listen)
        // Not now: the leaf is still in the middle of its own change.
        if (state === connectivityState.IDLE) process.nextTick(() => this.#leaf?.exitIdle())
        rest.onState(this)
      },
      // The registry pushes; asking it again brings nothing.
      requestReresolution: () => {},
    })
    this.#leaf = new LeafLoadBalancer(resolved, childHelper, options, note)
    this.#leaf.startConnecting()
    this.resetBackoff()
  }

  get id(): string {
    return this.#endpoint.id
  }

  get endpoint(): Endpoint {
    return this.#endpoint
  }

  get state(): connectivityState {
    return this.#state
  }

  get lastError(): string | undefined {
    return this.#lastError
  }

  /** Its connection stands. */
  get isReady(): boolean {
    return this.#subchannel !== undefined
  }

  /**
   * What a picker needs; undefined unless the connection stands. The same object for
   * as long as nothing of it changes. `share`: how much of its weight counts.
   */
  ready(share: number): ReadyEndpoint | undefined {
    const subchannel = this.#subchannel
    if (subchannel === undefined) return undefined
    const endpoint = this.#endpoint
    // Weight 0 comes only when all have it: the same for all is what matters.
    const weight = Math.max(1, endpoint.weight) * share
    const before = this.#ready
    if (
      before?.subchannel === subchannel &&
      before.endpoint === endpoint &&
      before.weight === weight
    ) {
      return before
    }
    this.#ready = { key: endpoint.id, endpoint, subchannel, load: this.load, weight }
    return this.#ready
  }

  /** Takes over what the registry now says of the endpoint. The connection stays. */
  update(endpoint: Endpoint): void {
    // News of an endpoint that could not be reached: it may be back.
    if (endpoint.hash !== this.#endpoint.hash) this.resetBackoff()
    this.#endpoint = endpoint
  }

  /** Tries again now what waits to be tried again. */
  resetBackoff(): void {
    for (const { subchannel } of this.#subchannels.values()) {
      if (subchannel.getConnectivityState() === connectivityState.TRANSIENT_FAILURE) {
        subchannel.getRealSubchannel().resetBackoff()
      }
    }
  }

  /** Lets go of the connection; calls that are on it end in their own time. */
  destroy(): void {
    this.#leaf?.destroy()
    this.#leaf = undefined
    this.#subchannel = undefined
    for (const { watchdog } of this.#subchannels.values()) watchdog.close()
    this.#subchannels.clear()
  }

  #watch(subchannel: Subchannel): Subchannel {
    const address = subchannel.getAddress()
    // The leaf makes a new one each time it begins to connect.
    this.#subchannels.get(address)?.watchdog.close()
    const watchdog = new ConnectWatchdog(subchannel, this.#connectTimeoutMs)
    this.#subchannels.set(address, { subchannel, watchdog })
    return subchannel
  }
}

/** Whether the connection of the child serves the endpoint at its addresses. */
export function isSameConnection(
  { addresses }: Pick<Child, 'addresses'>,
  resolved: Pick<ResolvedEndpoint, 'addresses'>,
): boolean {
  if (addresses === resolved.addresses) return true
  return (
    addresses.length === resolved.addresses.length &&
    addresses.every((address, i) => isSameAddress(address, resolved.addresses[i]))
  )
}

type Address = GrpcEndpoint['addresses'][number]

function isSameAddress(one: Address, other: Address | undefined): boolean {
  if (other === undefined) return false
  if ('port' in one) return 'port' in other && one.port === other.port && one.host === other.host
  return 'path' in other && one.path === other.path
}

interface WatchedSubchannel {
  readonly subchannel: Subchannel
  readonly watchdog: ConnectWatchdog
}

const NO_ARGS = { metadata: new Metadata(), extraPickInfo: {} }
