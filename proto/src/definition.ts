import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition as LoadedMethod } from '@grpc/proto-loader'

/**
 * A method as nice-grpc knows it: how to reach it and how its messages are
 * written and read. Structurally equal to nice-grpc's own type, which this
 * package need not depend on.
 */
export interface MethodDefinition<
  RequestIn,
  RequestOut,
  ResponseIn,
  ResponseOut,
  RequestStream extends boolean,
  ResponseStream extends boolean,
> {
  readonly path: string
  readonly requestStream: RequestStream
  readonly responseStream: ResponseStream
  requestSerialize(value: RequestIn): Uint8Array
  requestDeserialize(bytes: Uint8Array): RequestOut
  responseSerialize(value: ResponseIn): Uint8Array
  responseDeserialize(bytes: Uint8Array): ResponseOut
  options: { idempotencyLevel?: 'IDEMPOTENT' | 'NO_SIDE_EFFECTS' }
}

/** The members a type names itself, without those of its index signature. */
type Known<T> = {
  [K in keyof T as string extends K ? never : number extends K ? never : K]: T[K]
}

type CallOf<Handler> = Handler extends (call: infer Call, ...rest: never[]) => void ? Call : never

type StreamsRequests<Call> = Call extends { read(size?: number): unknown } ? true : false
type StreamsResponses<Call> = Call extends { end(metadata?: never): unknown } ? true : false

type NiceMethod<Method, Call> =
  Method extends LoadedMethod<
    infer RequestIn,
    infer ResponseIn,
    infer RequestOut,
    infer ResponseOut
  >
    ? MethodDefinition<
        RequestIn,
        RequestOut,
        ResponseIn,
        ResponseOut,
        StreamsRequests<Call>,
        StreamsResponses<Call>
      >
    : never

/**
 * A service as nice-grpc wants it, from the two halves that
 * proto-loader-gen-types writes: the definition has the messages, the handlers
 * tell which side streams.
 */
export type NiceService<Definition, Handlers> = {
  [K in keyof Known<Definition> & keyof Known<Handlers> & string as Uncapitalize<K>]: NiceMethod<
    Definition[K],
    CallOf<Handlers[K]>
  >
}

/** Turns a service loaded by proto-loader into a nice-grpc one. */
export function niceService<Definition extends grpc.ServiceDefinition, Handlers>(
  loaded: grpc.ServiceDefinition,
): NiceService<Definition, Handlers> {
  const methods = Object.entries(loaded).map(([name, method]) => [
    name.charAt(0).toLowerCase() + name.slice(1),
    {
      path: method.path,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: method.requestSerialize,
      requestDeserialize: method.requestDeserialize,
      responseSerialize: method.responseSerialize,
      responseDeserialize: method.responseDeserialize,
      options: {},
    },
  ])
  return Object.fromEntries(methods) as NiceService<Definition, Handlers>
}
