import type { Metadata } from '@grpc/grpc-js'
import { hasNoHeaders, headerOf } from '../grpc/adapter.ts'

/** Id or pod name of the endpoint the call is for. */
export const ENDPOINT_HEADER = 'roster-endpoint'
/** `strict`: the call fails when that endpoint cannot be had; or else the policy picks. */
export const ENDPOINT_MODE_HEADER = 'roster-endpoint-mode'
/** Ids or pod names of endpoints, separated by commas, that others are preferred to. */
export const AVOID_HEADER = 'roster-avoid'
/** Key of the call, for the policy maglev. */
export const HASH_KEY_HEADER = 'roster-hash-key'

/** What a call asks of the policy. */
export interface CallHints {
  readonly endpoint?: string
  readonly endpointMode: 'preferred' | 'strict'
  readonly avoid: readonly string[]
  readonly hashKey?: string
}

/**
 * Takes the hints out of a call's metadata, so that they do not go on the wire. Once for
 * a call and all its attempts: three lookups in its metadata are half of what a pick costs.
 */
export function takeHints(metadata: Metadata): CallHints | undefined {
  if (hasNoHeaders(metadata)) return undefined
  const endpoint = headerOf(metadata, ENDPOINT_HEADER)
  const avoid = headerOf(metadata, AVOID_HEADER)
  const hashKey = headerOf(metadata, HASH_KEY_HEADER)
  if (endpoint === undefined && avoid === undefined && hashKey === undefined) return undefined
  const isStrict = headerOf(metadata, ENDPOINT_MODE_HEADER) === 'strict'
  for (const header of HINT_HEADERS) metadata.remove(header)
  return {
    ...(endpoint !== undefined && { endpoint }),
    endpointMode: isStrict ? 'strict' : 'preferred',
    avoid: avoid?.split(',').map((name) => name.trim()) ?? [],
    ...(hashKey !== undefined && { hashKey }),
  }
}

const HINT_HEADERS = [ENDPOINT_HEADER, ENDPOINT_MODE_HEADER, AVOID_HEADER, HASH_KEY_HEADER]
