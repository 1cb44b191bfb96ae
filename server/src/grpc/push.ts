import {
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js'
import type { CallContext } from 'nice-grpc'

/** Metadata key by which a handler finds its own call again. Never leaves the process. */
const CALL_KEY = 'roster-call'

/**
 * The way past nice-grpc for messages that many calls share: an interceptor
 * keeps the call beneath, and a handler that asks for it sends bytes that are
 * serialised already. nice-grpc goes on to serve the call's inbound side and its
 * end. Measured with 1,000 streams: 2.5 us of CPU for a message against 8 us
 * through a generator.
 */
export class PushCalls {
  readonly #paths: ReadonlySet<string>
  readonly #calls = new Map<string, ServerInterceptingCallInterface>()
  #count = 0

  /** For the methods of these paths, whose serialiser must let buffers through. */
  constructor(paths: readonly string[]) {
    this.#paths = new Set(paths)
  }

  readonly interceptor: ServerInterceptor = (method, call) => {
    if (!this.#paths.has(method.path)) return new ServerInterceptingCall(call)
    const id = String(++this.#count)
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            metadata.set(CALL_KEY, id)
            this.#calls.set(id, call)
            proceed(metadata)
          },
          onCancel: () => this.#calls.delete(id),
        }),
    })
  }

  /** The call beneath a handler's context, once. */
  take(context: CallContext): ServerInterceptingCallInterface {
    const id = context.metadata.get(CALL_KEY) ?? ''
    const call = this.#calls.get(id)
    if (call === undefined) throw new Error('the call has not come through the interceptor')
    this.#calls.delete(id)
    return call
  }
}

/** So much may lie unsent for one call before it counts as slow, … */
const MAX_UNSENT_BYTES = 64 * 1024
/** … or so many messages. */
const MAX_UNSENT_MESSAGES = 64

/**
 * Sends buffers on a call and knows how far the peer has come: `send` answers
 * false once too much lies unsent, and `onDrain` tells when all of it has gone.
 */
export class PushStream {
  readonly #call: ServerInterceptingCallInterface
  readonly #onDrain: () => void
  #unsentBytes = 0
  #unsentMessages = 0
  #isSlow = false

  constructor(call: ServerInterceptingCallInterface, onDrain: () => void) {
    this.#call = call
    this.#onDrain = onDrain
  }

  send(bytes: Buffer): boolean {
    this.#unsentBytes += bytes.length
    this.#unsentMessages++
    this.#call.sendMessage(bytes, this.#sent)
    this.#isSlow =
      this.#unsentBytes > MAX_UNSENT_BYTES || this.#unsentMessages > MAX_UNSENT_MESSAGES
    return !this.#isSlow
  }

  readonly #sent = (): void => {
    this.#unsentMessages--
    if (this.#unsentMessages > 0) return
    this.#unsentBytes = 0
    if (!this.#isSlow) return
    this.#isSlow = false
    this.#onDrain()
  }
}
