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
    const ended = new AbortController()
    const stop = new Promise<'stop'>((resolve) => {
      const options = { once: true, signal: ended.signal }
      stopping.addEventListener('abort', () => resolve('stop'), options)
    })
    const iterator = requests[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await Promise.race([iterator.next(), stop])
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
      ended.abort()
      stream.end(how)
    }
  },

  async revokeLease({ leaseId }, context) {
    await leases.revoke(leaseId, causeOf(context, 'revoke lease'))
    return {}
  },
})
