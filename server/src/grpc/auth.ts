import { timingSafeEqual } from 'node:crypto'
import type { ServerMiddleware } from 'nice-grpc'
import { RegistryError } from '../model/errors.ts'

/** Anyone may ask whether the registry lives: probes carry no secrets. */
const OPEN = '/grpc.health.v1.Health/'

/** Lets in calls that carry `authorization: Bearer TOKEN`. */
export function tokenMiddleware(token: string): ServerMiddleware {
  const wanted = Buffer.from(`Bearer ${token}`)
  return async function* middleware(call, context) {
    if (!call.method.path.startsWith(OPEN)) {
      const given = Buffer.from(context.metadata.get('authorization') ?? '')
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
        throw new RegistryError(
          'UNAUTHENTICATED',
          'token missing or wrong: send the metadata "authorization: Bearer TOKEN"',
        )
      }
    }
    return yield* call.next(call.request, context)
  }
}
