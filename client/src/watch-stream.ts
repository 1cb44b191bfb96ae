import type { WatchEndpointsResponse__Output } from '@roster/proto'
import type { RegistryClient } from './registry-client.ts'
import { RosterError } from './roster-error.ts'
import type { WatchRequests } from './watch-requests.ts'

/** How often the registry sends a bookmark, in milliseconds. */
export const BOOKMARK_INTERVAL_MS = 5_000

/** A stream on which three bookmarks are missing is broken, in milliseconds. */
export const WATCH_SILENCE_MS = 3 * BOOKMARK_INTERVAL_MS

/** How one watch stream is read. */
export interface WatchStreamOptions {
  /** What is said on it; ended with it. */
  readonly requests: WatchRequests
  /** A stream that was silent for so long is broken, in milliseconds. */
  readonly silenceMs: number
  /** Ends the stream. */
  readonly signal: AbortSignal
  /** Told of every message. What it throws ends the stream. */
  readonly onMessage: (message: WatchEndpointsResponse__Output) => void
}

/** Reads one watch stream from its beginning to its end. Resolves with why it ended; never fails. */
export async function readWatch(
  registry: Pick<RegistryClient, 'address' | 'endpointService'>,
  { requests, silenceMs, signal, onMessage }: WatchStreamOptions,
): Promise<RosterError> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), silenceMs).unref()
  try {
    const messages = registry.endpointService.watchEndpoints(requests, {
      signal: AbortSignal.any([signal, silence.signal]),
    })
    for await (const message of messages) {
      timer.refresh()
      onMessage(message)
    }
    return new RosterError('UNAVAILABLE', `registry ${registry.address} ended the watch`)
  } catch (error) {
    if (!silence.signal.aborted) return RosterError.from(error)
    const text = `registry ${registry.address} was silent for ${silenceMs} ms`
    return new RosterError('UNAVAILABLE', text, { cause: error })
  } finally {
    clearTimeout(timer)
    requests.end()
  }
}
