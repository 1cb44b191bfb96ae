import type { Metadata } from '@grpc/grpc-js'
import {
  AVOID_HEADER,
  ENDPOINT_HEADER,
  ENDPOINT_MODE_HEADER,
  HASH_KEY_HEADER,
} from './policies/call-hints.ts'

/** What a caller knows of where a call should go. Never leaves the process. */
export interface CallHint {
  /** Calls with the same key go to the same endpoint, where the policy is maglev. */
  readonly hashKey?: string
  /** Endpoint id or pod name: the call goes there, if it can be reached. */
  readonly endpoint?: string
  /** Fails the call with UNAVAILABLE when `endpoint` cannot be reached. Default: it goes elsewhere. */
  readonly strict?: boolean
  /** Endpoint ids the call does not go to, while there are others. */
  readonly avoid?: readonly string[]
}

/** Writes a hint into headers; the pickers read and remove them. */
export function writeHint(metadata: Metadata, hint: CallHint): Metadata {
  const { hashKey, endpoint, strict, avoid } = hint
  if (hashKey !== undefined) metadata.set(HASH_KEY_HEADER, asHeader(hashKey))
  if (endpoint !== undefined) metadata.set(ENDPOINT_HEADER, endpoint)
  if (strict) metadata.set(ENDPOINT_MODE_HEADER, 'strict')
  if (avoid !== undefined && avoid.length > 0) metadata.set(AVOID_HEADER, avoid.join(','))
  return metadata
}

/** Headers are printable ASCII; any key may be hashed. */
const asHeader = (key: string): string => (/^[ -~]*$/.test(key) ? key : encodeURIComponent(key))
