/** What went wrong, for callers to act on. Each code has one gRPC status (grpc/status.ts). */
export type ErrorCode =
  /** The request is malformed; `violations` say which fields. */
  | 'INVALID'
  /** There is no such object. */
  | 'NOT_FOUND'
  /** The lease has run out or never was. */
  | 'LEASE_NOT_FOUND'
  /** Somebody else changed the object first. */
  | 'CONFLICT'
  /** The request comes from a former life of the pod. */
  | 'NOT_OWNER'
  /** History before this point is gone: list again. */
  | 'COMPACTED'
  /** A limit is reached: addresses, ports, watchers. */
  | 'EXHAUSTED'
  /** The caller did not say who it is, or not rightly. */
  | 'UNAUTHENTICATED'
  /** The registry is stopping, or its store is closed. */
  | 'UNAVAILABLE'

/** One bad field: `spec.ports[0].port`, and what is wrong with it in Kubernetes' words. */
export interface Violation {
  readonly field: string
  readonly description: string
}

/** An error the caller can do something about. The message says what, which and what to do. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: ErrorCode
  readonly violations: readonly Violation[]

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly violations?: readonly Violation[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.violations = options.violations ?? []
  }
}
