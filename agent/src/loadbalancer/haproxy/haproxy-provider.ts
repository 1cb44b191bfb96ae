import type { Logger } from 'pino'
import type { Place } from '../../proxy/model/backends.ts'
import type { BalancedService } from '../balanced-service.ts'
import { Coalesced } from '../coalesced.ts'
import type { Ensured, LoadBalancerProvider } from '../provider.ts'
import { type Config, configOf } from './config-text.ts'
import {
  bindProblem,
  findHaproxy,
  type HaproxyFiles,
  lastAlerts,
  startHaproxy,
  writeConfig,
} from './haproxy-process.ts'
import { Master, type Running } from './master.ts'
import { type Listener, type Plan, planOf } from './plan.ts'
import { serverCommands } from './server-commands.ts'

/** How often it looks whether HAProxy is as it is to be, in milliseconds. */
const CHECK_INTERVAL_MS = 2_000
/** How long a server is drained before it is taken out, and tried again to be deleted. */
const LEAVE_INTERVAL_MS = 500
/** How long a configuration that was refused is not tried again: trying pauses the listeners. */
const REFUSED_MS = 60_000
/** Longest path of a UNIX socket (sun_path of unix(7)), of a name HAProxy binds first. */
const MAX_SOCKET_PATH = 95

export interface HaproxyOptions {
  /** The spec.loadBalancerClass it takes. */
  readonly loadBalancerClass: string
  /** Addresses HAProxy may listen at, the preferred first; they go into the status. */
  readonly binds: readonly string[]
  /** Absolute path of the configuration roster writes. */
  readonly config: string
  /**
   * Absolute path of the master socket of an HAProxy that somebody else starts, and
   * that reads the configuration. Absent: roster starts HAProxy.
   */
  readonly masterSocket?: string
  /** Whether HAProxy checks that servers accept connections. */
  readonly hasChecks: boolean
}

/**
 * Services through HAProxy 2.6 or later. Endpoints come and go by runtime commands; a
 * service that comes or changes is a new configuration and a reload, in which no
 * connection is lost. Every run compares what HAProxy has with what it is to have, so
 * that a restart of either needs nothing of its own.
 */
export class HaproxyProvider implements LoadBalancerProvider {
  readonly name = 'haproxy'
  readonly loadBalancerClass: string
  readonly #options: HaproxyOptions
  readonly #place: Place
  readonly #log: Logger
  /** Absent: somebody else starts HAProxy. */
  readonly #program: string | undefined
  readonly #files: HaproxyFiles
  readonly #master: Master
  readonly #services = new Map<string, BalancedService>()
  readonly #apply = new Coalesced(() => this.#applyOnce())
  readonly #timer: NodeJS.Timeout
  #plan: Plan | undefined
  #written: string | undefined
  #refused:
    | { readonly shape: string; readonly untilMs: number; readonly error: unknown }
    | undefined
  #leaveTimer: NodeJS.Timeout | undefined
  #illness: string | undefined
  #isClosed = false

  private constructor(options: HaproxyOptions, place: Place, log: Logger, program?: string) {
    const { config, masterSocket = `${config}.master` } = options
    this.loadBalancerClass = options.loadBalancerClass
    this.#options = options
    this.#place = place
    this.#log = log
    this.#program = program
    this.#files = { config, masterSocket }
    this.#master = new Master(masterSocket)
    this.#timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS).unref()
  }

  /** Fails when roster is to start HAProxy and cannot. */
  static async open(options: HaproxyOptions, place: Place, log: Logger): Promise<HaproxyProvider> {
    const program = options.masterSocket === undefined ? await findHaproxy() : undefined
    const provider = new HaproxyProvider(options, place, log, program)
    const { masterSocket } = provider.#files
    if (Buffer.byteLength(masterSocket) <= MAX_SOCKET_PATH) return provider
    await provider.close()
    const limit = `longer than ${MAX_SOCKET_PATH} bytes`
    throw new Error(`the path of the socket ${masterSocket} is ${limit}: choose a shorter one`)
  }

  async sync(services: readonly BalancedService[]): Promise<void> {
    this.#services.clear()
    for (const service of services) this.#services.set(service.name, service)
    this.#plan ??= { listeners: [], ensured: new Map() }
    await this.#apply.run()
  }

  async ensure(service: BalancedService): Promise<Ensured> {
    this.#services.set(service.name, service)
    await this.#apply.run()
    return this.#plan?.ensured.get(service.name) ?? { ingress: [] }
  }

  async updateBackends(service: BalancedService): Promise<void> {
    this.#services.set(service.name, service)
    await this.#apply.run()
  }

  async ensureDeleted(name: string): Promise<void> {
    this.#services.delete(name)
    await this.#apply.run()
  }

  health(): string | undefined {
    return this.#illness
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    clearTimeout(this.#leaveTimer)
    await this.#apply.run()
    clearTimeout(this.#leaveTimer)
  }

  /** Mends what happened to HAProxy behind our back; says nothing before the first sync. */
  #check(): void {
    // The failure is kept as the provider's health.
    if (this.#plan && !this.#isClosed) void this.#apply.run().catch(() => undefined)
  }

  async #applyOnce(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.#bringUpToDate()
      this.#illness = undefined
    } catch (error) {
      this.#illness = error instanceof Error ? error.message : String(error)
      throw error
    }
  }

  async #bringUpToDate(): Promise<void> {
    const running = await this.#master.read()
    const plan = await this.#usablePlan(running)
    this.#plan = plan
    // An HAProxy that would have nothing to do need not be started.
    if (!running && this.#program !== undefined && plan.listeners.length === 0) return
    const config = configOf(plan.listeners, {
      hasChecks: this.#options.hasChecks,
      ...(this.#program !== undefined && { socket: `${this.#files.config}.sock` }),
    })
    if (running?.shape === config.shape) {
      await this.#updateServers(plan.listeners, running)
      // For the next start of HAProxy, whoever starts it.
      if (this.#written !== config.text) await this.#write(config.text)
      return
    }
    try {
      await this.#load(config, running)
    } finally {
      // Also of a configuration that was refused: the old one goes on.
      const now = await this.#master.read()
      if (now) await this.#updateServers(plan.listeners, now)
    }
  }

  /** The plan without what this machine cannot listen at, where HAProxy is on it. */
  async #usablePlan(running: Running | undefined): Promise<Plan> {
    const { binds } = this.#options
    const options = { binds, place: this.#place }
    let plan = planOf(this.#services.values(), options)
    if (this.#program === undefined) return plan
    const known = new Set(running?.backends)
    const unusable = new Map<string, string>()
    for (let round = 0; round <= binds.length; round++) {
      const fresh = plan.listeners.filter(({ name }) => !known.has(name))
      const before = unusable.size
      for (const { name, address, port } of fresh) {
        const problem = await bindProblem(address, port)
        if (problem === undefined) known.add(name)
        else unusable.set(`${address}:${port}`, `not to be listened at (${problem})`)
      }
      if (unusable.size === before) return plan
      plan = planOf(this.#services.values(), { ...options, unusable })
    }
    return plan
  }

  /** Starts HAProxy with the configuration, or has it read it. */
  async #load(config: Config, running: Running | undefined): Promise<void> {
    const { shape } = config
    if (this.#refused?.shape === shape && performance.now() < this.#refused.untilMs) {
      throw this.#refused.error
    }
    await this.#write(config.text, this.#program)
    try {
      if (running) await this.#master.reload(shape)
      else await this.#startUp(shape)
      this.#refused = undefined
    } catch (error) {
      const alerts = this.#program === undefined ? '' : await lastAlerts(this.#files)
      const told = alerts === '' ? error : new Error(`HAProxy: ${alerts}`, { cause: error })
      if (running) {
        this.#refused = { shape, untilMs: performance.now() + REFUSED_MS, error: told }
      }
      throw told
    }
    this.#log.info(running ? 'haproxy: reloaded' : 'haproxy: started')
  }

  async #startUp(shape: string): Promise<void> {
    const { config, masterSocket } = this.#files
    if (this.#program === undefined) {
      throw new Error(`there is no HAProxy at ${masterSocket}: start it with -f ${config}`)
    }
    const ended = startHaproxy(this.#program, this.#files)
    const died = ended.then(() => Promise.reject(new Error('HAProxy ended as it started')))
    await Promise.race([this.#master.loaded(shape), died])
    void ended.then(() => this.#check())
  }

  async #updateServers(listeners: readonly Listener[], running: Running): Promise<void> {
    const { hasChecks } = this.#options
    const present = listeners.filter(({ name }) => running.backends.includes(name))
    const { commands, isLeaving } = serverCommands(present, running.servers, hasChecks)
    const failures = await this.#master.run(commands)
    if (failures.length > 0) throw new Error(`HAProxy: ${failures.join('; ')}`)
    if (!isLeaving) return
    clearTimeout(this.#leaveTimer)
    this.#leaveTimer = setTimeout(() => this.#check(), LEAVE_INTERVAL_MS).unref()
  }

  /** Writes the configuration; where there is a program, it is to be content with it. */
  async #write(text: string, program?: string): Promise<void> {
    await writeConfig(this.#files.config, text, program)
    this.#written = text
  }
}
