import { ClientError, Status } from 'nice-grpc-common'
import { BadRequest, RichClientError } from 'nice-grpc-error-details'

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command cannot be carried out, for a reason found out here: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** What grpc-js says when there was no connection to make the call on. */
const NO_CONNECTION =
  /no connection established|connection dropped|name resolution failed|ECONN|ENOTFOUND|EHOSTUNREACH/i

/** What grpc-js wraps the cause in. */
const WRAPPING =
  /^(?:No connection established\. )?(?:Last error: )?(?:Error: )?|\.? Resolution note:.*$/gs

/**
 * What went wrong, for people: one line, then one for each field that is wrong.
 * `address` is the registry that was asked.
 */
export function explain(error: unknown, address: string): string {
  if (error instanceof ClientError) return explainStatus(error, address)
  return error instanceof Error ? error.message : String(error)
}

function explainStatus(error: ClientError, address: string): string {
  const violations = violationsOf(error)
  if (violations.length > 0) {
    return [subjectOf(error.details), ...violations.map((v) => `  ${v}`)].join('\n')
  }
  if (error.code === Status.UNAVAILABLE && NO_CONNECTION.test(error.details)) {
    const cause = error.details.replace(WRAPPING, '')
    return `cannot reach the registry at ${address}: ${cause}\n  start one with "roster serve", or name another with --registry HOST:PORT or ROSTER_REGISTRY`
  }
  if (error.code === Status.UNAUTHENTICATED) {
    return `${error.details}\n  give the registry's token with --token or ROSTER_TOKEN`
  }
  return error.details === '' ? `the registry answered ${Status[error.code]}` : error.details
}

/** One line for each field violation of a google.rpc.BadRequest. */
function violationsOf(error: ClientError): readonly string[] {
  if (!(error instanceof RichClientError)) return []
  return error.extra.flatMap((detail) =>
    detail.$type === BadRequest.$type
      ? (detail as BadRequest).fieldViolations.map((v) => `${v.field}: ${v.description}`)
      : [],
  )
}

/** `Service "web" is invalid` of a message that goes on to list what its violations say too. */
const subjectOf = (details: string): string => /^.*? is invalid(?=:)/s.exec(details)?.[0] ?? details

/** Whether a call failed because there is no such object. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof ClientError && error.code === Status.NOT_FOUND
