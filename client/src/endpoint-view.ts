import { chooseEndpoints } from './endpoint-choice.ts'
import { portOf, whyNoPort } from './endpoint-port.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { EndpointSource, EndpointState } from './endpoint-source.ts'
import type { Target } from './grpc/target.ts'
import { connectionClosed, RosterError } from './roster-error.ts'
import type { Watcher } from './watcher.ts'

/** The endpoints of one service, for callers that do not use grpc-js. */
export interface EndpointView {
  /** The set as far as it is known: while somebody watches, or a channel to it is open. */
  current(): EndpointSet | undefined
  /**
   * The set and every change of it, until the loop is left, the signal aborts or the
   * connection is closed. A slow loop sees the newest set, not those between. Throws
   * FAILED_PRECONDITION on a closed connection.
   */
  watch(signal?: AbortSignal): AsyncIterable<EndpointSet>
}

export const endpointView = (
  watcher: Pick<Watcher, keyof EndpointSource | 'current'>,
  target: Target,
): EndpointView => ({
  current: () => watcher.current(target),
  watch: (signal) => ({ [Symbol.asyncIterator]: () => iterate(watcher, target, signal) }),
})

function iterate(
  source: EndpointSource,
  target: Target,
  signal?: AbortSignal,
): AsyncIterator<EndpointSet, void, undefined> {
  if (source.closed.aborted) throw connectionClosed()
  const left = new AbortController()
  const ends = [source.closed, left.signal, ...(signal ? [signal] : [])]
  const sets = watchSets(source, target, ends)
  return {
    next: () => sets.next(),
    return: () => {
      // A generator returns only when its pending next() has.
      left.abort()
      return sets.return()
    },
  }
}

async function* watchSets(
  source: EndpointSource,
  target: Target,
  ends: readonly AbortSignal[],
): AsyncGenerator<EndpointSet, void, undefined> {
  let newest: EndpointSet | undefined
  let wake = () => {}
  const onAbort = () => wake()
  const unsubscribe = source.subscribe(target, ({ set }) => {
    newest = set ?? newest
    wake()
  })
  for (const end of ends) end.addEventListener('abort', onAbort, { once: true })
  try {
    while (!ends.some(({ aborted }) => aborted)) {
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
    for (const end of ends) end.removeEventListener('abort', onAbort)
    unsubscribe()
  }
}

/** How long to wait for a service. */
export interface ReadyOptions {
  /** How long to wait, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /** Ends the wait with CANCELLED. */
  readonly signal?: AbortSignal
}

/**
 * Waits until calls to the target have somewhere to go. Fails with
 * DEADLINE_EXCEEDED, saying what is missing; with FAILED_PRECONDITION when the
 * connection is closed. Keeps the process alive meanwhile.
 */
export function waitForEndpoints(
  source: EndpointSource,
  target: Target,
  { timeoutMs = 30_000, signal }: ReadyOptions = {},
): Promise<void> {
  let missing = `registry ${source.address} has not answered`
  let stop = () => {}
  const waiting = new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(new RosterError('CANCELLED', `not ready yet: ${missing}`))
    const onClose = () => reject(connectionClosed())
    const timer = setTimeout(() => {
      reject(new RosterError('DEADLINE_EXCEEDED', `not ready after ${timeoutMs} ms: ${missing}`))
    }, timeoutMs)
    const unsubscribe = source.subscribe(target, (state) => {
      const obstacle = obstacleOf(state, source, target)
      if (obstacle === undefined) resolve()
      else missing = obstacle
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    source.closed.addEventListener('abort', onClose, { once: true })
    if (source.closed.aborted) onClose()
    stop = () => {
      clearTimeout(timer)
      source.closed.removeEventListener('abort', onClose)
      unsubscribe()
      signal?.removeEventListener('abort', onAbort)
    }
  })
  return waiting.finally(() => stop())
}

/** What keeps calls from having somewhere to go; undefined: nothing. */
function obstacleOf(
  { set, error }: EndpointState,
  { address, consumer }: EndpointSource,
  target: Target,
): string | undefined {
  if (!set) return error?.message ?? `registry ${address} has not answered`
  const { endpoints, reason } = chooseEndpoints(set, consumer)
  const hasPort = endpoints.some((endpoint) => portOf(set, endpoint, target.port) !== undefined)
  return hasPort ? undefined : (reason ?? whyNoPort(set, target.port))
}
