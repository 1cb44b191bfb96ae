import { failed, type Outcome, unanswered } from './outcome.ts'

/** Bounds of one attempt. */
export interface AttemptLimits {
  readonly timeoutMs: number
  /** Ends the attempt at once; its outcome then says nothing of the pod. */
  readonly signal: AbortSignal
}

/**
 * Asks once, for at most `timeoutMs`. `start` begins to ask, tells the outcome
 * through `settle` and answers how to let go of all it has opened; that is done
 * however the attempt ends. Never fails.
 */
export function attempt(
  what: string,
  { timeoutMs, signal }: AttemptLimits,
  start: (settle: (outcome: Outcome) => void) => () => void,
): Promise<Outcome> {
  const cancelled = unanswered(what, 'Cancelled', 'not asked to the end')
  if (signal.aborted) return Promise.resolve(cancelled)
  return new Promise((resolve) => {
    let letGo: (() => void) | undefined
    let isOver = false
    const settle = (outcome: Outcome) => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      letGo?.()
      resolve(outcome)
    }
    const onAbort = () => settle(cancelled)
    const onTimeout = () => {
      const outcome = unanswered(what, 'Timeout', `no answer within ${timeoutMs} ms`)
      // If it was this process that stood still, the answer waits in the socket:
      // let it be read first.
      setImmediate(() => settle(outcome))
    }
    const timer = setTimeout(onTimeout, timeoutMs).unref()
    signal.addEventListener('abort', onAbort)
    try {
      letGo = start(settle)
      if (isOver) letGo()
    } catch (error) {
      settle(failed(what, error))
    }
  })
}
