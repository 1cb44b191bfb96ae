import type { Resume, WatchEndpointsRequest } from '@roster/proto'
import type { ServiceName } from './endpoint-set.ts'

/**
 * What a watcher has to say on one stream. Coalesces: at most one request per
 * service and one acknowledgement wait, however slow the stream is.
 */
export class WatchRequests implements AsyncIterable<WatchEndpointsRequest> {
  readonly #client: string
  readonly #pending = new Map<string, WatchEndpointsRequest>()
  #ackRevision = 0
  #ackedRevision = 0
  #ackTurn: NodeJS.Immediate | undefined
  #hasEnded = false
  #wake: () => void = () => {}

  /** `client`: name the watcher is listed under. */
  constructor(client: string) {
    this.#client = client
  }

  /** Asks for a service's set: whole, or what has changed since. */
  subscribe(name: ServiceName, resume?: Resume): void {
    const { namespace, service } = name
    this.#put(name, { subscribe: { namespace, service, ...(resume && { resume }) } })
  }

  /** Asks for no more of a service. */
  unsubscribe(name: ServiceName): void {
    const { namespace, service } = name
    this.#put(name, { unsubscribe: { namespace, service } })
  }

  /** Acknowledges a revision, together with all others of this turn of the event loop. */
  ack(revision: number): void {
    if (revision <= this.#ackRevision) return
    this.#ackRevision = revision
    this.#ackTurn ??= setImmediate(() => {
      this.#ackTurn = undefined
      this.#wake()
    })
  }

  /** Ends the stream of requests. */
  end(): void {
    this.#hasEnded = true
    clearImmediate(this.#ackTurn)
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEndpointsRequest, void, undefined> {
    while (!this.#hasEnded) {
      const request = this.#take()
      if (request) yield request
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #put({ namespace, service }: ServiceName, request: WatchEndpointsRequest): void {
    this.#pending.set(`${namespace}/${service}`, { ...request, client: this.#client })
    this.#wake()
  }

  #take(): WatchEndpointsRequest | undefined {
    for (const [key, request] of this.#pending) {
      this.#pending.delete(key)
      return request
    }
    if (this.#ackTurn !== undefined || this.#ackRevision === this.#ackedRevision) return undefined
    this.#ackedRevision = this.#ackRevision
    return { ack: { revision: this.#ackRevision } }
  }
}
