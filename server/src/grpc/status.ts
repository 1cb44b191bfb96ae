import { type CallContext, ServerError, type ServerMiddleware, Status } from 'nice-grpc'
import {
  BadRequest,
  ErrorInfo,
  errorDetailsServerMiddleware,
  RichServerError,
} from 'nice-grpc-error-details'
import type { Logger } from 'pino'
import { type ErrorCode, RegistryError } from '../model/errors.ts'

/** Every error of the registry and its gRPC status: a new code does not compile until it is here. */
const STATUS: Record<ErrorCode, Status> = {
  INVALID: Status.INVALID_ARGUMENT,
  NOT_FOUND: Status.NOT_FOUND,
  LEASE_NOT_FOUND: Status.NOT_FOUND,
  CONFLICT: Status.ABORTED,
  NOT_OWNER: Status.FAILED_PRECONDITION,
  COMPACTED: Status.OUT_OF_RANGE,
  EXHAUSTED: Status.RESOURCE_EXHAUSTED,
  UNAUTHENTICATED: Status.UNAUTHENTICATED,
  UNAVAILABLE: Status.UNAVAILABLE,
}

/**
 * Characters told of a message, a field and a description. Errors echo what the
 * caller sent, and travel in trailers, which HTTP/2 bounds: one that is too long
 * is never sent at all and holds its connection up.
 */
const MAX_MESSAGE = 1_500
const MAX_FIELD = 240

/** Domain of the google.rpc.ErrorInfo that carries the registry's own code as its reason. */
const DOMAIN = 'roster.v1'

/**
 * Turns whatever a handler throws into a status with its details; what is not
 * meant for callers is logged instead. The middleware that writes details is
 * asked only then: each layer costs every call some microseconds.
 */
export function errorMiddleware(log: Logger): ServerMiddleware {
  return async function* middleware(call, context) {
    try {
      return yield* call.next(call.request, context)
    } catch (error) {
      const told = toServerError(error, call.method.path, context, log)
      const rethrow = (): never => {
        throw told
      }
      return yield* errorDetailsServerMiddleware({ ...call, next: rethrow }, context)
    }
  }
}

function toServerError(error: unknown, path: string, context: CallContext, log: Logger): unknown {
  if (error instanceof RegistryError) {
    const info = ErrorInfo.fromPartial({ reason: error.code, domain: DOMAIN })
    const fieldViolations = error.violations.map(({ field, description }) => ({
      field: clip(field, MAX_FIELD),
      description: clip(description, MAX_FIELD),
    }))
    const bad = fieldViolations.length > 0 ? [BadRequest.fromPartial({ fieldViolations })] : []
    return new RichServerError(STATUS[error.code], clip(error.message, MAX_MESSAGE), [...bad, info])
  }
  if (error instanceof ServerError || (error instanceof Error && error.name === 'AbortError')) {
    return error
  }
  log.error({ err: error, path, peer: context.peer }, 'handler failed')
  return new ServerError(Status.INTERNAL, 'internal error: see the log of the registry')
}

const clip = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`
