import type { ServerHttp2Stream } from 'node:http2'
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js'

/** The HTTP/2 stream that grpc-js keeps beneath a call, in a field of its own. */
interface CallOnStream extends ServerInterceptingCallInterface {
  readonly nextCall?: CallOnStream
  readonly stream?: ServerHttp2Stream
}

/** The stream beneath a call; undefined when this version of grpc-js keeps none there. */
export function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream | undefined {
  let beneath: CallOnStream = call
  while (beneath.nextCall !== undefined) beneath = beneath.nextCall
  return beneath.stream
}
