import { ClientError, Status } from 'nice-grpc-common'
import type { ErrorDetails } from 'nice-grpc-error-details'

/**
 * What went wrong, stable across versions. The first nine are the registry's own;
 * the rest come from the way to it.
 */
export type RosterErrorCode =
  | 'INVALID'
  | 'NOT_FOUND'
  | 'LEASE_NOT_FOUND'
  | 'CONFLICT'
  | 'NOT_OWNER'
  | 'COMPACTED'
  | 'EXHAUSTED'
  | 'UNAUTHENTICATED'
  | 'UNAVAILABLE'
  | 'PERMISSION_DENIED'
  | 'FAILED_PRECONDITION'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'

/** One bad field of a request, e.g. `spec.ports[0].port` (google.rpc.BadRequest). */
export interface Violation {
  /** Path of the field, as Kubernetes writes it. */
  readonly field: string
  /** What is wrong with it, for people. */
  readonly description: string
}

const marker = Symbol.for('roster.client.RosterError')

/** Every error the SDK throws or reports. Works with `instanceof` across two copies of the SDK. */
export class RosterError extends Error {
  /** `RosterError`. */
  override readonly name = 'RosterError'
  /** What went wrong, for programs. */
  readonly code: RosterErrorCode
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean
  /** The fields the registry refused; empty unless the code is INVALID. */
  readonly violations: readonly Violation[]
  readonly [marker] = true

  constructor(
    code: RosterErrorCode,
    message: string,
    options: { readonly violations?: readonly Violation[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = RETRYABLE.has(code)
    this.violations = options.violations ?? []
  }

  /** The reason as a RosterError: a gRPC error keeps its meaning, all else is INTERNAL. */
  static from(reason: unknown): RosterError {
    if (reason instanceof RosterError) return reason
    if (reason instanceof ClientError) return fromClientError(reason)
    if (reason instanceof Error && reason.name === 'AbortError') {
      return new RosterError('CANCELLED', 'the call was cancelled', { cause: reason })
    }
    const message = reason instanceof Error ? reason.message : String(reason)
    return new RosterError('INTERNAL', message, { cause: reason })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && marker in value
  }
}

const RETRYABLE: ReadonlySet<RosterErrorCode> = new Set([
  'CONFLICT',
  'COMPACTED',
  'EXHAUSTED',
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
])

const CODE_OF_STATUS: Readonly<Partial<Record<Status, RosterErrorCode>>> = {
  [Status.INVALID_ARGUMENT]: 'INVALID',
  [Status.NOT_FOUND]: 'NOT_FOUND',
  [Status.ABORTED]: 'CONFLICT',
  [Status.RESOURCE_EXHAUSTED]: 'EXHAUSTED',
  [Status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
  [Status.UNAVAILABLE]: 'UNAVAILABLE',
  [Status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [Status.FAILED_PRECONDITION]: 'FAILED_PRECONDITION',
  [Status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [Status.CANCELLED]: 'CANCELLED',
  [Status.UNIMPLEMENTED]: 'UNIMPLEMENTED',
}

/** Reasons (google.rpc.ErrorInfo) that say more than the status they travel with. */
const REASONS: ReadonlySet<string> = new Set<RosterErrorCode>([
  'INVALID',
  'NOT_FOUND',
  'LEASE_NOT_FOUND',
  'CONFLICT',
  'NOT_OWNER',
  'COMPACTED',
  'EXHAUSTED',
  'UNAUTHENTICATED',
  'UNAVAILABLE',
])

const isReason = (reason: string): reason is RosterErrorCode => REASONS.has(reason)

function fromClientError(error: ClientError & { readonly extra?: readonly ErrorDetails[] }) {
  let code = CODE_OF_STATUS[error.code] ?? 'INTERNAL'
  const violations: Violation[] = []
  for (const detail of error.extra ?? []) {
    if (detail.$type === 'google.rpc.ErrorInfo' && isReason(detail.reason)) code = detail.reason
    if (detail.$type === 'google.rpc.BadRequest') {
      for (const { field, description } of detail.fieldViolations) {
        violations.push({ field, description })
      }
    }
  }
  return new RosterError(code, error.details, { violations, cause: error })
}

/** The error of everything that is asked of a closed connection. */
export const connectionClosed = (): RosterError =>
  new RosterError('FAILED_PRECONDITION', 'the connection is closed: make another one')
