import { Backoff, pause } from '@roster/client'
import type { Logger } from 'pino'
import type { ServiceSource } from '../service-source.ts'
import { type BalancedService, balancedService } from './balanced-service.ts'
import type { LoadBalancerProvider } from './provider.ts'
import type { StatusWriter } from './status-writer.ts'

/** How often what could not be done is tried again, in milliseconds. */
const RETRY_PROBLEMS_MS = 10_000

export interface ControllerOptions {
  readonly provider: LoadBalancerProvider
  /** Whether it also takes services without spec.loadBalancerClass. */
  readonly isDefault: boolean
  readonly source: ServiceSource
  readonly writer: StatusWriter
  readonly log: Logger
}

/**
 * Brings the services of type LoadBalancer to one provider, and what it answers to
 * their status. Services of a class that is not the provider's are left alone.
 * Does nothing before the source is whole.
 */
export class LoadBalancerController {
  readonly #provider: LoadBalancerProvider
  readonly #isDefault: boolean
  readonly #source: ServiceSource
  readonly #writer: StatusWriter
  readonly #log: Logger
  readonly #stopping = new AbortController()
  /** Names of the services to look at. */
  readonly #dirty = new Set<string>()
  /** What was ensured, by name; undefined: the provider has the service, and is not done. */
  readonly #ensured = new Map<string, BalancedService['definition'] | undefined>()
  /** What could not be done, by name. */
  readonly #problems = new Map<string, string>()
  readonly #unsubscribe: () => void
  readonly #timer: NodeJS.Timeout
  #backoff = new Backoff()
  #hasSynced = false
  #failure: string | undefined
  #illness: string | undefined
  #running: Promise<void> | undefined

  constructor({ provider, isDefault, source, writer, log }: ControllerOptions) {
    this.#provider = provider
    this.#isDefault = isDefault
    this.#source = source
    this.#writer = writer
    this.#log = log.child({ provider: provider.name })
    this.#unsubscribe = source.subscribe(({ changed, removed }) => {
      for (const { namespace, service } of changed) this.#touch(`${namespace}/${service}`)
      for (const name of removed) this.#touch(name)
      this.#wake()
    })
    this.#timer = setInterval(() => {
      this.#tellHealth()
      for (const name of this.#problems.keys()) this.#dirty.add(name)
      this.#wake()
    }, RETRY_PROBLEMS_MS).unref()
  }

  /** Ends the controller, then the provider. */
  async close(): Promise<void> {
    this.#unsubscribe()
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#running
    await this.#provider.close()
  }

  #touch(name: string): void {
    if (!this.#ensured.has(name) && !this.#service(name)) return
    this.#dirty.add(name)
    // What it gives up may be what another waits for.
    for (const waiting of this.#problems.keys()) this.#dirty.add(waiting)
  }

  #wake(): void {
    const isIdle = this.#hasSynced && this.#dirty.size === 0
    if (this.#running || isIdle || !this.#source.isSynced || this.#stopping.signal.aborted) return
    this.#running = this.#run(this.#stopping.signal).finally(() => {
      this.#running = undefined
      this.#wake()
    })
  }

  /** Works until nothing is left to do. */
  async #run(signal: AbortSignal): Promise<void> {
    do {
      const failure = await this.#pass()
      if (signal.aborted) return
      this.#failure = failure === undefined ? undefined : messageOf(failure)
      this.#tellHealth()
      if (failure === undefined) this.#backoff = new Backoff()
      else await pause(this.#backoff.nextDelayMs(), signal)
    } while (this.#dirty.size > 0 && !signal.aborted)
  }

  /** Looks once at everything that changed; the first failure. */
  async #pass(): Promise<unknown> {
    try {
      if (!this.#hasSynced) await this.#provider.sync(this.#services())
    } catch (error) {
      // Not done yet: come again.
      for (const { name } of this.#services()) this.#dirty.add(name)
      return error
    }
    this.#hasSynced = true
    const names = [...this.#dirty]
    this.#dirty.clear()
    const results = await Promise.allSettled(names.map((name) => this.#reconcile(name)))
    const failures = results.flatMap((result, i) => {
      if (result.status === 'fulfilled') return []
      this.#dirty.add(names[i] ?? '')
      return [result.reason]
    })
    return failures[0]
  }

  async #reconcile(name: string): Promise<void> {
    const service = this.#service(name)
    if (!service) {
      await this.#provider.ensureDeleted(name)
      this.#ensured.delete(name)
      this.#problems.delete(name)
      this.#writer.forget(name)
    } else if (this.#ensured.get(name) === service.definition && !this.#problems.has(name)) {
      await this.#provider.updateBackends(service)
    } else {
      // From now on its end is the provider's concern.
      this.#ensured.set(name, undefined)
      const { ingress, problem } = await this.#provider.ensure(service)
      this.#ensured.set(name, service.definition)
      this.#writer.want(service, ingress)
      this.#tellProblem(name, problem)
    }
  }

  /** The service of that name, where it is this provider's. */
  #service(name: string): BalancedService | undefined {
    const service = balancedService(this.#source.sets.get(name))
    const { loadBalancerClass = '' } = service?.spec ?? {}
    const isOurs =
      loadBalancerClass === ''
        ? this.#isDefault
        : loadBalancerClass === this.#provider.loadBalancerClass
    return isOurs ? service : undefined
  }

  #services(): readonly BalancedService[] {
    return [...this.#source.sets.keys()].flatMap((name) => this.#service(name) ?? [])
  }

  #tellProblem(service: string, problem: string | undefined): void {
    if (problem === undefined) {
      if (this.#problems.delete(service)) this.#log.info({ service }, 'load balancer: solved')
    } else if (this.#problems.get(service) !== problem) {
      this.#problems.set(service, problem)
      this.#log.warn({ service, problem }, 'load balancer: not all of the service can be reached')
    }
  }

  #tellHealth(): void {
    const illness = this.#provider.health() ?? this.#failure
    if (illness === this.#illness) return
    this.#illness = illness
    if (illness === undefined) this.#log.info('load balancer: well again')
    else this.#log.error({ reason: illness }, 'load balancer: trying again')
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)
