import type { H2Connection } from './h2-connection.ts'
import type { Call } from './peer.ts'

/** Makes one unary call and returns a copy of its response. */
export function callOnce(connection: H2Connection, call: Call): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    connection.call(
      call.headers,
      call.request,
      {
        onMessage: (message) => resolve(Buffer.from(message)),
        // Too late to matter once there was a message.
        onEnd: () => reject(new Error('the call was refused')),
      },
      'half-close',
    )
  })
}

/** How callAll goes about it. */
export interface CallOptions {
  /** Callers at work at the same time: each waits for its answer before it sends the next. */
  readonly callers: number
  /** Begin no more calls after so many milliseconds. Default: make them all. */
  readonly forMs?: number
  readonly onResponse?: (response: Buffer) => void
}

/**
 * Makes the calls, the callers sharing the connections evenly. Returns how many
 * were answered per second. Errors: when a call fails.
 */
export async function callAll(
  connections: readonly H2Connection[],
  calls: readonly Call[],
  { callers, forMs = Number.POSITIVE_INFINITY, onResponse }: CallOptions,
): Promise<number> {
  const startMs = performance.now()
  let begun = 0
  let answered = 0
  await new Promise<void>((resolve, reject) => {
    const next = (connection: H2Connection) => {
      const call = performance.now() - startMs < forMs ? calls[begun] : undefined
      if (call === undefined) {
        if (answered === begun) resolve()
        return
      }
      begun++
      let isAnswered = false
      const onMessage = (response: Buffer) => {
        isAnswered = true
        onResponse?.(response)
      }
      const onEnd = () => {
        if (!isAnswered) reject(new Error(`one of ${calls.length} calls was refused`))
        answered++
        next(connection)
      }
      connection.call(call.headers, call.request, { onMessage, onEnd }, 'half-close')
    }
    for (let caller = 0; caller < callers; caller++) {
      const connection = connections[caller % connections.length]
      if (connection !== undefined) next(connection)
    }
  })
  return (answered * 1000) / (performance.now() - startMs)
}
