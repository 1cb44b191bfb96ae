import type { NameRule } from './names.ts'

/** Methods one pod or service may name. */
export const MAX_METHODS = 100
const MAX_LENGTH = 256

/** A service by its full name, a slash, and a method or `*` (gRPC over HTTP/2, Path; names as in protobuf). */
const METHOD = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\/([A-Za-z_]\w*|\*)$/

/** `package.Service/Method`, or `package.Service/*` for all methods of a service, of at most 256 characters. */
export const grpcMethod: NameRule = (value) => {
  if (value.length > MAX_LENGTH) return [`must be no more than ${MAX_LENGTH} characters`]
  if (METHOD.test(value)) return []
  return ['must be package.Service/Method, or package.Service/* for all methods of a service']
}
