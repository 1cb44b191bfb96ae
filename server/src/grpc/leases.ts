import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LeaseService } from '@roster/proto'
import { ServerError, type ServiceImplementation, Status } from 'nice-grpc'
import type { Leases } from '../registry/leases.ts'
import { causeOf } from './caller.ts'

/** roster.v1.LeaseService. `stopping` aborts when the registry stops. */
export const leaseService = (
  leases: Leases,
  stopping: AbortSignal,
): ServiceImplementation<typeof LeaseService> => ({
  async grantLease({ ttlMs }) {
    const granted = await leases.grant(ttlMs)
    return { leaseId: granted.lease, ttlMs: granted.ttlMs }
  },

  async *keepAlive(requests, context) {
    const stream = leases.open()
    let how: 'goodbye' | 'broken' = 'broken'
    // One listener for the stream, not one race per beat: a promise that outlives
    // the beats would keep a reaction for each of them.
    let onStop: () => void = () => undefined
    const stop = () => onStop()
    stopping.addEventListener('abort', stop, { once: true })
    const iterator = requests[Symbol.asyncIterator]()
    const nextOrStop = () =>
      new Promise<IteratorResult<{ readonly leaseId: string }> | 'stop'>((resolve, reject) => {
        onStop = () => resolve('stop')
        if (stopping.aborted) onStop()
        iterator.next().then(resolve, reject)
      })
    try {
      for (;;) {
        const next = await nextOrStop()
        if (next === 'stop') {
          throw new ServerError(Status.UNAVAILABLE, 'the registry is stopping: beat again soon')
        }
        if (next.done === true) break
        const { leaseId } = next.value
        const ttlMs = await stream.beat(leaseId)
        yield { leaseId, alive: ttlMs !== undefined, ttlMs: ttlMs ?? 0 }
      }
      // A reset looks like the end of requests at first, and like one a turn later.
      await nextTurn()
      // The client half-closed: it means to stop beating here.
      if (!context.signal.aborted) how = 'goodbye'
    } finally {
      stopping.removeEventListener('abort', stop)
      stream.end(how)
    }
  },

  async revokeLease({ leaseId }, context) {
    await leases.revoke(leaseId, causeOf(context, 'revoke lease'))
    return {}
  },
})
