import { type ChannelOptions, connectivityState, Metadata, status } from '@grpc/grpc-js'
import {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  type ChannelControlHelper,
  type GrpcEndpoint,
  type LoadBalancer,
  type LoadBalancingConfig,
  type Picker,
  PickResultType,
  type StatusOr,
  UnavailablePicker,
} from '../grpc/adapter.ts'
import type { ResolvedEndpoint } from '../grpc/resolver.ts'
import { POLICY_NAME } from '../grpc/service-config.ts'
import { Child, childKey } from './child.ts'
import type { PickerFactory } from './picker.ts'
import { roundRobin } from './round-robin.ts'

const POLICIES = { round_robin: roundRobin } satisfies Record<string, PickerFactory>

/** Config of the policy: `{"roster": {"policy": "round_robin"}}`. */
export class RosterBalancerConfig implements LoadBalancingConfig {
  readonly policy: keyof typeof POLICIES

  constructor(policy: keyof typeof POLICIES = 'round_robin') {
    this.policy = policy
  }

  static createFromJson(json: unknown): RosterBalancerConfig {
    const policy = (json as { readonly policy?: unknown }).policy ?? 'round_robin'
    if (policy === 'round_robin') return new RosterBalancerConfig(policy)
    throw new Error(`unknown policy ${JSON.stringify(policy)}: known are ${Object.keys(POLICIES)}`)
  }

  getLoadBalancerName(): string {
    return POLICY_NAME
  }

  toJsonObject(): object {
    return { [POLICY_NAME]: { policy: this.policy } }
  }
}

/**
 * Keeps a connection to every endpoint and lets a policy pick among those that
 * stand. An endpoint that is lost leaves the picker before anything else happens:
 * a picker that returns a subchannel which is not ready makes grpc-js pick again
 * and again without giving the event loop a turn. Gains may wait for each other.
 */
export class RosterBalancer implements LoadBalancer {
  readonly #helper: ChannelControlHelper
  #children: ReadonlyMap<string, Child> = new Map()
  #policy: PickerFactory = roundRobin
  /** What calls are told when there is no endpoint at all. */
  #emptyNote = ''
  #isReady = false
  #isUpdating = false
  #pendingGain: NodeJS.Immediate | undefined

  constructor(helper: ChannelControlHelper) {
    this.#helper = helper
  }

  updateAddressList(
    list: StatusOr<GrpcEndpoint[]>,
    config: LoadBalancingConfig,
    options: ChannelOptions,
    note: string,
  ): boolean {
    if (config instanceof RosterBalancerConfig) this.#policy = POLICIES[config.policy]
    if (list.ok) {
      this.#replaceChildren(list.value as ResolvedEndpoint[], options, note)
    } else if (this.#children.size === 0) {
      this.#emptyNote = list.error.details ?? note
      this.#publish()
    }
    // Always: grpc-js withholds the service config from a channel whose list is refused.
    return true
  }

  exitIdle(): void {
    for (const child of this.#children.values()) child.exitIdle()
  }

  resetBackoff(): void {
    for (const child of this.#children.values()) child.resetBackoff()
  }

  destroy(): void {
    clearImmediate(this.#pendingGain)
    for (const child of this.#children.values()) child.destroy()
    this.#children = new Map()
  }

  getTypeName(): string {
    return POLICY_NAME
  }

  #replaceChildren(list: readonly ResolvedEndpoint[], options: ChannelOptions, note: string): void {
    const before = this.#children
    const after = new Map<string, Child>()
    const leafOptions = { ...options }
    // Not part of what makes a connection, though it comes among the options.
    delete leafOptions[CHANNEL_ARGS_CONFIG_SELECTOR_KEY]
    this.#isUpdating = true
    for (const resolved of list) {
      const key = childKey(resolved)
      const child = before.get(key)
      child?.update(resolved.endpoint)
      after.set(key, child ?? this.#createChild(resolved, leafOptions, note))
    }
    this.#isUpdating = false
    this.#children = after
    this.#emptyNote = note
    this.#publish()
    for (const [key, child] of before) if (!after.has(key)) child.destroy()
  }

  #createChild(resolved: ResolvedEndpoint, options: ChannelOptions, note: string): Child {
    let wasReady = false
    return new Child({
      resolved,
      helper: this.#helper,
      options,
      note,
      onState: (child) => {
        const isLoss = wasReady && child.ready === undefined
        wasReady = child.ready !== undefined
        this.#onChildState(child, isLoss ? 'loss' : 'other')
      },
    })
  }

  #onChildState(child: Child, kind: 'loss' | 'other'): void {
    if (this.#isUpdating) return
    if (kind === 'loss' || !this.#isReady) this.#publish()
    else if (child.ready) this.#pendingGain ??= setImmediate(() => this.#publish())
  }

  #publish(): void {
    clearImmediate(this.#pendingGain)
    this.#pendingGain = undefined
    const children = [...this.#children.values()]
    const ready = children.flatMap((child) => child.ready ?? [])
    this.#isReady = ready.length > 0
    if (ready.length > 0) {
      this.#helper.updateState(connectivityState.READY, this.#policy(ready), null)
    } else if (children.length === 0) {
      this.#fail(new EmptyPicker(this.#emptyNote), this.#emptyNote)
    } else if (children.some((child) => child.state !== connectivityState.TRANSIENT_FAILURE)) {
      this.#helper.updateState(connectivityState.CONNECTING, queuePicker, null)
    } else {
      const lastError = children.findLast((child) => child.lastError)?.lastError
      const details = `none of ${children.length} endpoints can be reached: ${lastError ?? 'no reason given'}`
      this.#fail(new UnavailablePicker({ code: status.UNAVAILABLE, details }), details)
    }
  }

  #fail(picker: Picker, message: string): void {
    this.#helper.updateState(connectivityState.TRANSIENT_FAILURE, picker, message)
  }
}

const NOTHING_PICKED = { subchannel: null, onCallStarted: null, onCallEnded: null } as const

const queuePicker: Picker = {
  pick: () => ({ ...NOTHING_PICKED, pickResultType: PickResultType.QUEUE, status: null }),
}

/**
 * Fails calls while there is no endpoint: by DROP, because grpc-js retries the
 * other kind of failure and the answer would come late; calls that said they wait
 * for ready do wait.
 */
class EmptyPicker implements Picker {
  readonly #details: string

  constructor(details: string) {
    this.#details = details
  }

  pick({ metadata }: Parameters<Picker['pick']>[0]) {
    if (metadata.getOptions().waitForReady) {
      return { ...NOTHING_PICKED, pickResultType: PickResultType.QUEUE, status: null }
    }
    return {
      ...NOTHING_PICKED,
      pickResultType: PickResultType.DROP,
      status: { code: status.UNAVAILABLE, details: this.#details, metadata: new Metadata() },
    }
  }
}
