import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerPort, Pod } from '@roster/proto'
import type { LeaseKeeper, PodConditions, Registrant } from './lease-keeper.ts'
import { localAddressToward } from './local-address.ts'
import type { RosterError } from './roster-error.ts'
import { type DrainableServer, shutdownServer } from './server-shutdown.ts'

/** A pod of this process, and how it leaves. */
export interface RegisterOptions {
  /** Namespace. Default "default". */
  readonly namespace?: string
  /** Name, unique in the namespace. Default: the host name and a random part. */
  readonly name?: string
  /** Labels, by which services select it. */
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Ports it listens at, e.g. `[{ name: 'grpc', containerPort: 50051 }]`. */
  readonly ports: readonly ContainerPort[]
  /** Addresses others reach it at. Default: this machine's own toward the registry. */
  readonly addresses?: readonly string[]
  /** Default: that of the connection. */
  readonly node?: string
  /** Default: that of the connection. */
  readonly zone?: string
  readonly hostname?: string
  readonly subdomain?: string
  /** Share of the calls against the other pods, 0 to 10,000. Default 100. */
  readonly weight?: number
  /** Whether it can serve from the start. Default true; else see setReady. */
  readonly ready?: boolean
  /** Servers that drain() shuts down. */
  readonly servers?: readonly DrainableServer[]
  readonly drain?: DrainOptions
  /**
   * Signals upon which to drain; when that is done the signal takes its usual
   * effect, unless somebody else listens to it. Default none.
   */
  readonly signals?: readonly NodeJS.Signals[]
}

/** How a pod leaves. */
export interface DrainOptions {
  /** Between telling the registry and refusing calls, in milliseconds. Default 200. */
  readonly propagateMs?: number
  /** How long calls under way may take, in milliseconds. Default 25,000. */
  readonly graceMs?: number
}

export interface RegistrationContext {
  readonly keeper: LeaseKeeper
  /** `host:port` of the registry. */
  readonly registry: string
  readonly node?: string
  readonly zone?: string
}

/** A pod of this process that stays registered until it drains. */
export class Registration implements Registrant {
  readonly namespace: string
  readonly name: string
  /** Identity, the same through every re-registration. */
  readonly uid: string = randomUUID()
  #resolve: () => void = () => {}
  #reject: (error: RosterError) => void = () => {}
  /**
   * Settles when the pod is registered for the first time: at once, or when the
   * registry can be reached. Fails when the registry refuses the pod.
   */
  readonly ready: Promise<void> = new Promise((resolve, reject) => {
    this.#resolve = resolve
    this.#reject = reject
  })
  readonly #options: RegisterOptions
  readonly #context: RegistrationContext
  #conditions: PodConditions
  #addresses: Promise<readonly string[]> | undefined
  #drained: Promise<void> | undefined

  constructor(options: RegisterOptions, context: RegistrationContext) {
    this.namespace = options.namespace ?? 'default'
    this.name = options.name ?? defaultName()
    this.#options = options
    this.#context = context
    this.#conditions = { ready: options.ready ?? true, terminating: false }
    // Who does not wait for it has the event instead, not a crash.
    this.ready.catch(() => {})
    for (const signal of options.signals ?? []) process.on(signal, this.#onSignal)
    context.keeper.add(this)
  }

  get conditions(): PodConditions {
    return this.#conditions
  }

  /**
   * Says whether the pod can serve. Resolves when the registry knows, or when it
   * could not be told now and will be as soon as it is back. Never fails.
   */
  async setReady(ready: boolean): Promise<void> {
    this.#conditions = { ...this.#conditions, ready }
    await this.#context.keeper.update()
  }

  /**
   * Leaves without failing a call: says that it is terminating, waits until the
   * callers have heard it, lets the calls of its servers end, deregisters. Called
   * again, it is the same drain.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async pod(): Promise<Pod> {
    const { labels, annotations, ports, hostname = '', subdomain = '', weight } = this.#options
    const { node = this.#context.node, zone = this.#context.zone } = this.#options
    return {
      metadata: {
        namespace: this.namespace,
        name: this.name,
        uid: this.uid,
        labels: { ...labels },
        annotations: { ...annotations },
      },
      spec: {
        ports: [...ports],
        nodeName: node ?? '',
        zone: zone ?? '',
        hostname,
        subdomain,
        ...(weight === undefined ? {} : { weight }),
      },
      status: { podIps: [...(await this.#ownAddresses())], phase: 'Running', ...this.#conditions },
    }
  }

  registered(): void {
    this.#resolve()
  }

  lost(error: RosterError): void {
    this.#ignoreSignals()
    this.#reject(error)
  }

  async #drain(): Promise<void> {
    const { propagateMs = 200, graceMs = 25_000 } = this.#options.drain ?? {}
    this.#conditions = { ...this.#conditions, terminating: true }
    await this.#context.keeper.update()
    // Not unref'ed: the process stays for those who have not heard yet.
    await sleep(propagateMs)
    const servers = this.#options.servers ?? []
    await Promise.all(servers.map((server) => shutdownServer(server, graceMs)))
    await this.#context.keeper.remove(this)
    this.#ignoreSignals()
  }

  /** Asked again after a failure: a machine may have no network yet when it starts. */
  #ownAddresses(): Promise<readonly string[]> {
    if (this.#options.addresses) return Promise.resolve(this.#options.addresses)
    this.#addresses ??= localAddressToward(this.#context.registry).then(
      (address) => [address],
      (error: unknown) => {
        this.#addresses = undefined
        throw error
      },
    )
    return this.#addresses
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    void this.drain().finally(() => {
      this.#ignoreSignals()
      // Without a listener left the signal ends the process, with its usual exit code.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }

  #ignoreSignals(): void {
    for (const signal of this.#options.signals ?? []) process.off(signal, this.#onSignal)
  }
}

/** A DNS-1123 name: the host's first label, cut so that the whole is at most 63 characters. */
function defaultName(): string {
  const label = hostname().split('.')[0] ?? ''
  const host = label
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, 50)
  return `${host || 'pod'}-${randomUUID().slice(0, 8)}`
}
