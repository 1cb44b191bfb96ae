import type { EndpointSet } from '@roster/client'

/** What changed since the last time a listener was told. */
export interface ServiceChange {
  /** Sets that are new or differ; each has its definition. */
  readonly changed: readonly EndpointSet[]
  /** `namespace/name` of services that are gone. */
  readonly removed: readonly string[]
}

/** Every service the agent knows, and each change: what DNS, proxies and load balancers follow. */
export interface ServiceSource {
  /**
   * Whether the sets are whole: heard from the registry, or read from the
   * snapshot of a former life. Before that a missing name proves nothing.
   */
  readonly isSynced: boolean
  /** By `namespace/name`. */
  readonly sets: ReadonlyMap<string, EndpointSet>
  /**
   * Tells the listener everything there is, then every change, until the function
   * returned is called. Changes of one turn come together. Never calls back before
   * it has returned.
   */
  subscribe(listener: (change: ServiceChange) => void): () => void
}
