import type { CallContext } from 'nice-grpc'
import type { Cause } from '../registry/commits.ts'

/** Metadata key by which a client names itself in the history of changes. */
const CLIENT_KEY = 'roster-client'

/** Who calls: the name it gives itself, else the address it calls from. */
export const callerOf = (context: CallContext): string =>
  context.metadata.get(CLIENT_KEY)?.slice(0, 128) ?? context.peer

export const causeOf = (context: CallContext, reason: string): Cause => ({
  actor: callerOf(context),
  reason,
})
