import type { ServerInterceptor } from '@grpc/grpc-js'
import type { ServerMiddleware } from 'nice-grpc-common'
import type { EventListener } from './events.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { PodIdentity } from './pod-identity.ts'
import { type HealthServer, ProviderHealth } from './provider-health.ts'
import { checkRegisterOptions, type RegisterOptions } from './register-options.ts'
import { Registration, type RegistrationContext } from './registration.ts'
import type { RegistryClient } from './registry-client.ts'
import { connectionClosed } from './roster-error.ts'
import type { DrainableServer } from './server-shutdown.ts'
import { SignalDrain } from './signal-drain.ts'

/** The side of a connection that offers services. */
export interface Provider {
  /**
   * Registers a pod of this process and keeps it registered. Returns at once, and
   * does its work when the registry can be reached: see Registration.ready. Throws
   * INVALID when an option is wrong, FAILED_PRECONDITION when the pod's ports cannot
   * be known, or after close().
   */
  register(server: DrainableServer, options?: RegisterOptions): Registration
  register(options: RegisterOptions): Registration
  /**
   * Refuses calls that are meant for another pod, with UNAVAILABLE, so that they
   * are tried again elsewhere: an address outlives its pod. For a grpc-js Server:
   * `new Server({ interceptors: [roster.serverInterceptor] })`.
   */
  readonly serverInterceptor: ServerInterceptor
  /** The same for a nice-grpc server: `createServer().use(roster.serverMiddleware)`. */
  readonly serverMiddleware: ServerMiddleware
  /**
   * Adds grpc.health.v1 to a server: it serves while a pod of this connection is
   * ready. To a nice-grpc server it must be added before it listens.
   */
  serveHealth(server: HealthServer): void
}

export interface ProviderOptions {
  readonly client: RegistryClient
  /** Time to live of the lease, in milliseconds. */
  readonly leaseTtlMs: number
  readonly onEvent: EventListener
  /** Where the pods run that do not say. */
  readonly node?: string
  readonly zone?: string
}

/** The pods of one connection to a registry, and what they share. */
export class PodProvider implements Provider {
  readonly #identity = new PodIdentity()
  readonly serverInterceptor: ServerInterceptor = this.#identity.interceptor
  readonly serverMiddleware: ServerMiddleware = this.#identity.middleware
  readonly #place: Pick<RegisterOptions, 'node' | 'zone'>
  readonly #context: RegistrationContext
  #isClosed = false

  constructor({ client, leaseTtlMs, onEvent, node, zone }: ProviderOptions) {
    this.#place = { ...(node !== undefined && { node }), ...(zone !== undefined && { zone }) }
    this.#context = {
      keeper: new LeaseKeeper({ client, ttlMs: leaseTtlMs, onEvent }),
      health: new ProviderHealth(),
      signals: new SignalDrain(),
      onEvent,
      open: new Set(),
      registry: client.address,
    }
  }

  register(first: DrainableServer | RegisterOptions, options: RegisterOptions = {}): Registration {
    if (this.#isClosed) throw connectionClosed()
    checkRegisterOptions(isServer(first) ? options : first)
    const own = isServer(first) ? withServer(first, options) : first
    const registration = new Registration({ ...this.#place, ...own }, this.#context)
    this.#identity.add(registration.uid)
    return registration
  }

  serveHealth(server: HealthServer): void {
    this.#context.health.addTo(server)
  }

  /** Takes all pods out, without draining them. Never fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const registration of this.#context.open) registration.close()
    await this.#context.keeper.close()
  }
}

/** False also for what is neither, which is then found out as wrong options. */
const isServer = (first: DrainableServer | RegisterOptions): first is DrainableServer =>
  typeof first === 'object' && first !== null && 'forceShutdown' in first

const withServer = (server: DrainableServer, options: RegisterOptions): RegisterOptions => ({
  ...options,
  servers: [server, ...(options.servers ?? [])],
})
