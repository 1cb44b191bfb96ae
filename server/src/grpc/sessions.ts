import type { Http2Session, ServerHttp2Stream } from 'node:http2'
import type {
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
  ServerInterceptor,
} from '@grpc/grpc-js'

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

/**
 * The connections that calls have come over. grpc-js counts them for channelz
 * only, which costs every call, and without it cannot cut them.
 */
export class Sessions {
  readonly #sessions = new Set<Http2Session>()

  readonly interceptor: ServerInterceptor = (_method, call) => {
    const session = streamOf(call)?.session
    if (session !== undefined && !this.#sessions.has(session)) {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
    }
    // As it is: a layer that does nothing still costs every call.
    return call as ServerInterceptingCall
  }

  /** Cuts all connections, whatever is under way on them. */
  destroy(): void {
    for (const session of this.#sessions) session.destroy()
  }
}
