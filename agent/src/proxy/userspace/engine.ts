import type { HeldListener } from './held-listener.ts'
import type { Route } from './route.ts'

/** What an engine is to do from now on. */
export interface RouteUpdate {
  /** New ones, or others than before under the same key. */
  readonly changed: readonly Route[]
  /** Keys. */
  readonly removed: readonly string[]
}

/** Carries the traffic of routes: in this process, or in one of its own. */
export interface Engine {
  /**
   * Resolves when all routes are listened at and those removed are not, with the
   * system's error code for each that is not, by key. `listeners` has one for each new
   * TCP route. Rejects when the engine is gone.
   */
  apply(
    update: RouteUpdate,
    listeners: ReadonlyMap<string, HeldListener>,
  ): Promise<ReadonlyMap<string, string>>
}
