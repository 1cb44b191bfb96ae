import type { BalancedService, Ingress } from './balanced-service.ts'

/**
 * What gives services of type LoadBalancer a way in from outside. The same questions
 * as Kubernetes asks of a cloud (k8s.io/cloud-provider, LoadBalancer).
 */
export interface LoadBalancerProvider {
  /** Short, for logs and flags. */
  readonly name: string
  /** The spec.loadBalancerClass of the services it takes. */
  readonly loadBalancerClass: string
  /**
   * Tells it all its services before anything else: it takes over what a former life
   * left for them, and removes what no service has any more.
   */
  sync(services: readonly BalancedService[]): Promise<void>
  /**
   * Opens the ways into a service, or changes them to what it wants now. Idempotent.
   * Fails when that may succeed later; the caller tries again.
   */
  ensure(service: BalancedService): Promise<Ensured>
  /** The service as it was ensured, with other endpoints. */
  updateBackends(service: BalancedService): Promise<void>
  /** Closes the ways into a service, `namespace/name`. Idempotent. */
  ensureDeleted(name: string): Promise<void>
  /** Why it cannot do its work now; undefined when it can. */
  health(): string | undefined
  /** Ends the provider; the ways in that it opened stay open. */
  close(): Promise<void>
}

/** What became of a service. */
export interface Ensured {
  /** What status.loadBalancer.ingress is to be. Empty: there is no way in. */
  readonly ingress: readonly Ingress[]
  /** What of the service could not be done, and why. */
  readonly problem?: string
}
