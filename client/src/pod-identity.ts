import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { ServerError, type ServerMiddleware, Status } from 'nice-grpc-common'
import { POD_UID_HEADER } from './policies/pod-uid.ts'

/** Uids told of in a refusal: a status that is too long for a header is never delivered. */
const MAX_TOLD = 3

/**
 * Refuses calls meant for another pod. An address outlives its pod: a port is
 * taken by the next process, an IP by the next container, and callers who have
 * not heard yet would be answered by a stranger. Refused with UNAVAILABLE before
 * the handler runs, so that the call is tried again elsewhere. Calls that name no
 * pod pass.
 */
export class PodIdentity {
  // Never emptied: a pod that has left still answers the calls on their way to it.
  readonly #uids = new Set<string>()

  /** A pod of this process; calls meant for it pass from now on. */
  add(uid: string): void {
    this.#uids.add(uid)
  }

  /** For a grpc-js Server: `new Server({ interceptors: [interceptor] })`. */
  readonly interceptor: ServerInterceptor = (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => {
            const [uid] = metadata.get(POD_UID_HEADER)
            if (uid === undefined || this.#isOurs(uid)) proceed(metadata)
            else call.sendStatus({ code: status.UNAVAILABLE, details: this.#refusal(uid) })
          },
        }),
    })

  /** For a nice-grpc server: `createServer().use(middleware)`. */
  readonly middleware: ServerMiddleware = (call, context) => {
    const uid = context.metadata.get(POD_UID_HEADER)
    if (uid !== undefined && !this.#isOurs(uid)) {
      throw new ServerError(Status.UNAVAILABLE, this.#refusal(uid))
    }
    // Handed on as it is: a generator around it would cost every message.
    return call.next(call.request, context)
  }

  #isOurs(uid: string | Buffer): boolean {
    return this.#uids.has(String(uid))
  }

  #refusal(uid: string | Buffer): string {
    const latest = [...this.#uids].slice(-MAX_TOLD)
    const more = this.#uids.size - latest.length
    const ours = `${latest.join(', ') || 'no pod yet'}${more > 0 ? ` and ${more} before` : ''}`
    return `the call is meant for pod uid ${uid}, this process is ${ours}: resolve the service again`
  }
}
