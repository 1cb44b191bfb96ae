import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LeaseService } from '@roster/proto'
import type { ServiceImplementation } from 'nice-grpc'
import type { Leases } from '../registry/leases.ts'
import { causeOf } from './caller.ts'
import { untilStop } from './until-stop.ts'

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
    try {
      for await (const { leaseId } of untilStop(requests, stopping)) {
        const ttlMs = await stream.beat(leaseId)
        yield { leaseId, alive: ttlMs !== undefined, ttlMs: ttlMs ?? 0 }
      }
      // A reset looks like the end of requests at first, and like one a turn later.
      await nextTurn()
      // The client half-closed: it means to stop beating here.
      if (!context.signal.aborted) how = 'goodbye'
    } finally {
      stream.end(how)
    }
  },

  async revokeLease({ leaseId }, context) {
    await leases.revoke(leaseId, causeOf(context, 'revoke lease'))
    return {}
  },
})
