import type { RouteUpdate } from './engine.ts'

/** The first file descriptor a worker inherits; 3 is the channel to it. */
export const FIRST_INHERITED_FD = 4

/** What a worker is told. */
export type ToWorker =
  /** What it was started with, from the first file descriptor on: for the first update. */
  | { readonly type: 'inherited'; readonly keys: readonly string[] }
  | {
      readonly type: 'apply'
      readonly update: RouteUpdate
      /** How many listeners follow, a message each. */
      readonly listeners: number
    }
  | { readonly type: 'listener'; readonly key: string }
  /** Take nothing new, and exit when all connections have ended, or after so long. */
  | { readonly type: 'drain'; readonly drainMs: number }

/** What a worker says. */
export type FromWorker =
  | { readonly type: 'ready' }
  /** The last update has taken effect, but for these routes: key and error code. */
  | { readonly type: 'applied'; readonly failures: readonly (readonly [string, string])[] }
  | { readonly type: 'draining' }
