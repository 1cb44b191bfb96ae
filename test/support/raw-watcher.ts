import type { Endpoint__Output, WatchEndpointsRequest } from '@roster/proto'
import type { Clients } from './clients.ts'
import { eventually } from './eventually.ts'

/** A watcher that says only what a test has it say: it acknowledges nothing by itself. */
export class RawWatcher {
  /** Revision of the newest message. */
  revision = 0
  /** The pods it would call, by service. */
  readonly ready = new Map<string, ReadonlySet<string>>()
  readonly #aborter = new AbortController()
  readonly #said: WatchEndpointsRequest[] = []
  #isHalfClosed = false
  #wake: () => void = () => undefined

  constructor(client: string, { endpoints }: Clients, first: WatchEndpointsRequest) {
    this.say({ ...first, client })
    void this.#read(endpoints.watchEndpoints(this.#requests(), { signal: this.#aborter.signal }))
  }

  say(request: WatchEndpointsRequest): void {
    this.#said.push(request)
    this.#wake()
  }

  ack(revision = this.revision): void {
    this.say({ ack: { revision } })
  }

  halfClose(): void {
    this.#isHalfClosed = true
    this.#wake()
  }

  /** Waits until it would no longer call the pod. */
  async hasLost(service: string, pod: string): Promise<void> {
    await eventually(() => this.ready.get(service)?.has(pod) === false)
  }

  close(): void {
    this.#aborter.abort()
  }

  async *#requests(): AsyncGenerator<WatchEndpointsRequest> {
    while (!this.#isHalfClosed || this.#said.length > 0) {
      const request = this.#said.shift()
      if (request !== undefined) yield request
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }

  async #read(stream: ReturnType<Clients['endpoints']['watchEndpoints']>): Promise<void> {
    try {
      for await (const { revision, snapshot, change } of stream) {
        if (snapshot !== null && snapshot !== undefined) {
          this.#put(snapshot.service, new Set(), snapshot.endpoints)
        } else if (change !== null && change !== undefined) {
          const { service, added, changed } = change
          this.#put(service, this.ready.get(service) ?? new Set(), [...added, ...changed])
        }
        this.revision = revision
      }
    } catch {
      // It was closed, or the registry stopped.
    }
  }

  #put(service: string, known: ReadonlySet<string>, endpoints: readonly Endpoint__Output[]): void {
    const ready = new Set(known)
    for (const { pod, ready: isReady } of endpoints) {
      if (isReady) ready.add(pod)
      else ready.delete(pod)
    }
    this.ready.set(service, ready)
  }
}
