import { type ChannelOptions, connectivityState, status } from '@grpc/grpc-js'
import type { EndpointSource } from '../endpoint-source.ts'
import type { RosterEvent } from '../events.ts'
import {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  type ChannelControlHelper,
  type GrpcEndpoint,
  type LoadBalancer,
  type LoadBalancingConfig,
  type Picker,
  type StatusOr,
  UnavailablePicker,
} from '../grpc/adapter.ts'
import { SOURCE_OPTION } from '../grpc/channel-options.ts'
import type { ResolvedEndpoint } from '../grpc/resolver.ts'
import { POLICY_NAME } from '../grpc/service-config.ts'
import { AnswerHold } from './answer-hold.ts'
import { RosterBalancerConfig } from './balancer-config.ts'
import { type OpenBalancer, openBalancers } from './channel-stats.ts'
import { Child, isSameConnection } from './child.ts'
import { Ejection } from './ejection.ts'
import { EmptyPicker, queuePicker } from './empty-picker.ts'
import { type EndpointStats, statsOfChild } from './endpoint-stats.ts'
import { createPicker } from './picker.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { SlowStart } from './slow-start.ts'

/** Policies for which a slow start means something: the others know no weights, or keep calls together. */
const SLOW_STARTERS: ReadonlySet<string> = new Set(['peak_ewma', 'least_request', 'weighted'])

/**
 * Keeps a connection to every endpoint and lets a policy pick among those that
 * stand and are not ejected. An endpoint that is lost leaves the picker before
 * anything else happens: a picker that returns a subchannel which is not ready makes
 * grpc-js pick again and again without giving the event loop a turn. Gains may wait
 * for each other.
 */
export class RosterBalancer implements LoadBalancer, OpenBalancer {
  readonly #helper: ChannelControlHelper
  readonly #ejection: Ejection<Child>
  readonly #slowStart: SlowStart<Child>
  readonly #answers = new AnswerHold()
  /** Children that begin while others are at work, or that could not be reached before. */
  readonly #newcomers = new Set<Child>()
  #children: ReadonlyMap<string, Child> = new Map()
  #config = new RosterBalancerConfig()
  #source: EndpointSource | undefined
  /** What calls are told when there is no endpoint at all. */
  #emptyNote = ''
  /** What the picker in use picks from, and how; empty unless the channel is ready. */
  #published: { readonly ready: readonly ReadyEndpoint[]; readonly by?: RosterBalancerConfig } =
    NOTHING_PUBLISHED
  #isPanicking = false
  #isUpdating = false
  #pendingGain: NodeJS.Immediate | undefined

  constructor(helper: ChannelControlHelper) {
    this.#helper = helper
    this.#slowStart = new SlowStart(() => this.#publish())
    this.#ejection = new Ejection({
      hosts: () => this.#children.values(),
      onEjected: (child, reason, forMs) => {
        this.#tell({ type: 'ejected', target: this.target, endpoint: child.id, reason, forMs })
        this.#publish()
      },
      onReturned: (children) => {
        const { target } = this
        for (const { id } of children) this.#tell({ type: 'returned', target, endpoint: id })
        this.#publish()
      },
    })
    openBalancers.add(this)
  }

  get source(): EndpointSource | undefined {
    return this.#source
  }

  get target(): string {
    return this.#config.target
  }

  get policy(): string {
    return this.#config.policy.policy
  }

  get isPanicking(): boolean {
    return this.#isPanicking
  }

  stats(): readonly EndpointStats[] {
    const picked = new Set(this.#published.ready.map(({ key }) => key))
    return [...this.#children.values()].map((child) =>
      statsOfChild(child, {
        isPicked: picked.has(child.id),
        share: this.#slowStart.shareOf(child),
        ejectedUntilMs: this.#ejection.ejectedUntilMs(child),
      }),
    )
  }

  updateAddressList(
    list: StatusOr<GrpcEndpoint[]>,
    config: LoadBalancingConfig,
    options: ChannelOptions,
    note: string,
  ): boolean {
    this.#source = options[SOURCE_OPTION]
    // The same config again keeps its object, by which others see that nothing changed.
    if (config instanceof RosterBalancerConfig && !config.equals(this.#config)) {
      this.#config = config
      if (!SLOW_STARTERS.has(this.policy)) this.#slowStart.stop()
    }
    if (list.ok) {
      this.#updateChildren(list.value as ResolvedEndpoint[], options, note)
    } else if (this.#children.size === 0) {
      this.#emptyNote = list.error.details ?? note
      this.#publish()
    }
    // Always: grpc-js withholds the service config from a channel whose list is refused.
    return true
  }

  /** Called for every call. Children connect again by themselves, at once. */
  exitIdle(): void {}

  resetBackoff(): void {
    for (const child of this.#children.values()) child.resetBackoff()
  }

  destroy(): void {
    openBalancers.delete(this)
    clearImmediate(this.#pendingGain)
    this.#ejection.stop()
    this.#slowStart.stop()
    this.#newcomers.clear()
    for (const child of this.#children.values()) child.destroy()
    this.#children = new Map()
  }

  getTypeName(): string {
    return POLICY_NAME
  }

  #updateChildren(list: readonly ResolvedEndpoint[], options: ChannelOptions, note: string): void {
    const before = this.#children
    const after = new Map<string, Child>()
    this.#isUpdating = true
    for (const resolved of list) {
      const { id } = resolved.endpoint
      if (after.has(id)) continue
      const child = before.get(id)
      if (child && isSameConnection(child, resolved)) {
        child.update(resolved.endpoint)
        after.set(id, child)
      } else {
        after.set(id, this.#createChild(resolved, options, note))
      }
    }
    this.#isUpdating = false
    this.#children = after
    this.#emptyNote = note
    this.#ejection.start(after.size === 0 ? undefined : this.#config.ejection)
    this.#publish()
    for (const [id, child] of before) if (after.get(id) !== child) this.#drop(child)
  }

  #createChild(resolved: ResolvedEndpoint, channelOptions: ChannelOptions, note: string): Child {
    let wasReady = false
    const options = { ...channelOptions }
    // Not part of what makes a connection, though it comes among the options.
    delete options[CHANNEL_ARGS_CONFIG_SELECTOR_KEY]
    const child = new Child({
      resolved,
      helper: this.#helper,
      options,
      note,
      answers: this.#answers,
      connectTimeoutMs: this.#config.connectTimeoutMs,
      onState: (changed) => {
        const isLoss = wasReady && !changed.isReady
        wasReady = changed.isReady
        this.#onChildState(changed, isLoss ? 'loss' : 'other')
      },
      onUnreachable: (failing, inARow) => this.#ejection.callFailed(failing, inARow),
    })
    if (this.#isReady && !child.isReady) this.#newcomers.add(child)
    return child
  }

  /** After the picker has been told: it must not return what is closed. */
  #drop(child: Child): void {
    this.#ejection.forget(child)
    this.#slowStart.forget(child)
    this.#newcomers.delete(child)
    child.destroy()
  }

  get #isReady(): boolean {
    return this.#published.ready.length > 0
  }

  #onChildState(child: Child, kind: 'loss' | 'other'): void {
    if (child.state === connectivityState.TRANSIENT_FAILURE) this.#newcomers.add(child)
    if (child.isReady && this.#newcomers.delete(child) && this.#isReady) {
      if (SLOW_STARTERS.has(this.policy)) this.#slowStart.begin(child, this.#config.slowStartMs)
    }
    if (this.#isUpdating) return
    if (kind === 'loss' || !this.#isReady) this.#publish()
    else if (child.isReady) this.#pendingGain ??= setImmediate(() => this.#publish())
  }

  #publish(): void {
    clearImmediate(this.#pendingGain)
    this.#pendingGain = undefined
    const ready = this.#pickable()
    const config = this.#config
    const before = this.#published
    if (ready.length === 0) {
      this.#published = NOTHING_PUBLISHED
      this.#publishNothing()
    } else if (before.by !== config || !haveSameItems(ready, before.ready)) {
      this.#published = { ready, by: config }
      const picker = createPicker(ready, config.policy)
      this.#helper.updateState(connectivityState.READY, picker, null)
    }
  }

  /** The endpoints that stand, less the ejected ones unless those are too many. */
  #pickable(): readonly ReadyEndpoint[] {
    const all: ReadyEndpoint[] = []
    const kept: ReadyEndpoint[] = []
    for (const child of this.#children.values()) {
      const ready = child.ready(this.#slowStart.shareOf(child))
      if (ready === undefined) continue
      all.push(ready)
      if (this.#ejection.ejectedUntilMs(child) === undefined) kept.push(ready)
    }
    const ejected = all.length - kept.length
    const isPanic =
      ejected > 0 && (kept.length === 0 || ejected * 100 > this.#ejection.maxPercent * all.length)
    if (isPanic && !this.#isPanicking) {
      const { target } = this
      this.#tell({ type: 'panic', target, ejected, endpoints: all.length })
    }
    this.#isPanicking = isPanic
    return isPanic ? all : kept
  }

  #publishNothing(): void {
    const children = [...this.#children.values()]
    if (children.length === 0) {
      this.#fail(new EmptyPicker(this.#emptyNote), this.#emptyNote)
    } else if (children.some((child) => child.state !== connectivityState.TRANSIENT_FAILURE)) {
      this.#helper.updateState(connectivityState.CONNECTING, queuePicker, null)
    } else {
      const lastError = children.findLast((child) => child.lastError)?.lastError
      const details = `none of ${children.length} endpoints can be reached: ${lastError ?? 'no reason given'}`
      this.#fail(new UnavailablePicker({ code: status.UNAVAILABLE, details }), details)
    }
  }

  #tell(event: RosterEvent): void {
    this.#source?.consumer.onEvent(event)
  }

  #fail(picker: Picker, message: string): void {
    this.#helper.updateState(connectivityState.TRANSIENT_FAILURE, picker, message)
  }
}

const NOTHING_PUBLISHED = { ready: [] } as const

const haveSameItems = (some: readonly unknown[], others: readonly unknown[]): boolean =>
  some.length === others.length && some.every((item, i) => item === others[i])
