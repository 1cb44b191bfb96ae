import type { Metadata } from '@grpc/grpc-js'
import { type Checks, checkFields, must, refuseUnknown } from './argument-checks.ts'
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

/**
 * Writes a hint into headers; the pickers read and remove them. Throws INVALID when
 * the hint is none.
 */
export function writeHint(metadata: Metadata, hint: CallHint): Metadata {
  checkHint(hint)
  const { hashKey, endpoint, strict, avoid } = hint
  if (hashKey !== undefined) metadata.set(HASH_KEY_HEADER, asHeader(hashKey))
  if (endpoint !== undefined) metadata.set(ENDPOINT_HEADER, endpoint)
  if (strict) metadata.set(ENDPOINT_MODE_HEADER, 'strict')
  if (avoid !== undefined && avoid.length > 0) metadata.set(AVOID_HEADER, avoid.join(','))
  return metadata
}

const isName = (value: unknown) => typeof value === 'string' && /^[ -~]*$/.test(value)

const CHECKS: Checks<CallHint> = {
  hashKey: must((value) => typeof value === 'string', 'a string'),
  endpoint: must(isName, 'an endpoint id or the name of a pod'),
  strict: must((value) => typeof value === 'boolean', 'true or false'),
  avoid: must((value) => Array.isArray(value) && value.every(isName), 'a list of endpoint ids'),
}

const checkIsHint = must(
  (value) => typeof value === 'object' && value !== null,
  "an object like { hashKey: 'user-1' }",
)

function checkHint(hint: CallHint): void {
  checkIsHint(hint, 'the hint')
  refuseUnknown(hint, Object.keys(CHECKS), 'hint.')
  checkFields(hint, CHECKS, 'hint.')
}

/** Headers are printable ASCII; any key may be hashed. */
const asHeader = (key: string): string => (/^[ -~]*$/.test(key) ? key : encodeURIComponent(key))
