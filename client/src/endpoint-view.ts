import { portOf, whyNoPort } from './endpoint-port.ts'
import { type EndpointSet, usableEndpoints, whyUnusable } from './endpoint-set.ts'
import type { EndpointSource, EndpointState } from './endpoint-source.ts'
import type { Target } from './grpc/target.ts'
import { RosterError } from './roster-error.ts'
import type { Watcher } from './watcher.ts'

/** The endpoints of one service, for callers that do not use grpc-js. */
export interface EndpointView {
  /** The set as far as it is known: while somebody watches, or a channel to it is open. */
  current(): EndpointSet | undefined
  /**
   * The set and every change of it, until the loop is left or the signal aborts. A
   * slow loop sees the newest set, not those between.
   */
  watch(signal?: AbortSignal): AsyncIterable<EndpointSet>
}

export const endpointView = (watcher: Watcher, target: Target): EndpointView => ({
  current: () => watcher.current(target),
  watch: (signal) => watchSets(watcher, target, signal),
})

async function* watchSets(
  source: EndpointSource,
  target: Target,
  signal?: AbortSignal,
): AsyncGenerator<EndpointSet, void, undefined> {
  let newest: EndpointSet | undefined
  let wake = () => {}
  const onAbort = () => wake()
  const unsubscribe = source.subscribe(target, ({ set }) => {
    newest = set ?? newest
    wake()
  })
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    while (!signal?.aborted) {
      const set = newest
      newest = undefined
      if (set) {
        yield set
        continue
      }
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    unsubscribe()
  }
}

/**
 * Waits until calls to the target have somewhere to go. Fails after `timeoutMs`
 * milliseconds, saying what is missing. Keeps the process alive meanwhile.
 */
export function waitForEndpoints(
  source: EndpointSource,
  target: Target,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = `registry ${source.address} has not answered`
    const unsubscribe = source.subscribe(target, (state) => {
      const obstacle = obstacleOf(state, target)
      if (obstacle !== undefined) {
        missing = obstacle
        return
      }
      clearTimeout(timer)
      unsubscribe()
      resolve()
    })
    const timer = setTimeout(() => {
      unsubscribe()
      reject(new RosterError('DEADLINE_EXCEEDED', `not ready after ${timeoutMs} ms: ${missing}`))
    }, timeoutMs)
  })
}

/** What keeps calls from having somewhere to go; undefined: nothing. */
function obstacleOf({ set, error }: EndpointState, target: Target): string | undefined {
  if (!set) return error?.message
  const usable = usableEndpoints(set)
  if (usable.length === 0) return whyUnusable(set)
  const hasPort = usable.some((endpoint) => portOf(set, endpoint, target.port) !== undefined)
  return hasPort ? undefined : whyNoPort(set, target.port)
}
