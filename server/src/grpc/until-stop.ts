import { ServerError, Status } from 'nice-grpc'

/**
 * The requests of a stream, until the registry stops: then it throws UNAVAILABLE,
 * so that a stream on which nothing happens does not hold the stop up.
 */
export async function* untilStop<T>(
  requests: AsyncIterable<T>,
  stopping: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  // One listener for the stream, not one race per request: a promise that outlives
  // the requests would keep a reaction for each of them.
  let onStop: () => void = () => undefined
  const stop = () => onStop()
  stopping.addEventListener('abort', stop, { once: true })
  const iterator = requests[Symbol.asyncIterator]()
  const nextOrStop = () =>
    new Promise<IteratorResult<T> | 'stop'>((resolve, reject) => {
      onStop = () => resolve('stop')
      if (stopping.aborted) onStop()
      iterator.next().then(resolve, reject)
    })
  try {
    for (;;) {
      const next = await nextOrStop()
      if (next === 'stop') {
        throw new ServerError(Status.UNAVAILABLE, 'the registry is stopping: connect again soon')
      }
      if (next.done === true) return
      yield next.value
    }
  } finally {
    stopping.removeEventListener('abort', stop)
  }
}
