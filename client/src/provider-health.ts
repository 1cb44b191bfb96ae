import type {
  Server as GrpcServer,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
} from '@grpc/grpc-js'
import type { Server as NiceServer } from 'nice-grpc'
import { ServerError, Status } from 'nice-grpc-common'
import { HealthDefinition } from 'nice-grpc-server-health'

type Decoded<Type extends { decode(bytes: Uint8Array): unknown }> = ReturnType<Type['decode']>
type HealthCheckRequest = Decoded<typeof HealthDefinition.methods.check.requestType>
type HealthCheckResponse = Decoded<typeof HealthDefinition.methods.check.responseType>
type ServingStatus = HealthCheckResponse['status']

const SERVING: ServingStatus = 1
const NOT_SERVING: ServingStatus = 2
const SERVICE_UNKNOWN: ServingStatus = 3

/** A server that services can be added to: a grpc-js Server or a nice-grpc one. */
export type HealthServer = Pick<GrpcServer, 'addService'> | Pick<NiceServer, 'add'>

/** A pod whose readiness the health follows. */
interface Serving {
  /** Ready, and not about to shut its servers down. */
  readonly isServing: boolean
  /** Full names of the services it serves. */
  readonly serviceNames: readonly string[]
}

/**
 * grpc.health.v1 of this process (grpc/grpc doc/health-checking.md): it serves
 * while one of its pods does, and so does each service that a pod has named.
 */
export class ProviderHealth {
  readonly #pods = new Set<Serving>()
  readonly #watches = new Set<Watch>()

  add(pod: Serving): void {
    this.#pods.add(pod)
    this.changed()
  }

  delete(pod: Serving): void {
    this.#pods.delete(pod)
    this.changed()
  }

  /** A pod serves, or does no more. */
  changed(): void {
    for (const watch of this.#watches) watch.wake()
  }

  /** Ends all watches, so that none holds up a server that shuts down. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end()
  }

  /** Adds the service to a server; to a nice-grpc one before it listens. */
  addTo(server: HealthServer): void {
    if ('addService' in server) {
      server.addService(grpcJsDefinition, {
        Check: (
          { request }: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>,
          done: sendUnaryData<HealthCheckResponse>,
        ) => this.#answer(request, done),
        Watch: (call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) =>
          void this.#stream(call),
      })
      return
    }
    server.add(HealthDefinition, {
      check: async (request) => this.#check(request),
      watch: (request, { signal }) => this.#watch(request, signal),
    })
  }

  #check({ service }: HealthCheckRequest): HealthCheckResponse {
    const status = this.#statusOf(service)
    if (status !== SERVICE_UNKNOWN) return { status }
    throw new ServerError(Status.NOT_FOUND, `no service "${service}" is known here`)
  }

  #statusOf(service: string): ServingStatus {
    const pods = [...this.#pods].filter(
      ({ serviceNames }) => service === '' || serviceNames.includes(service),
    )
    if (service !== '' && pods.length === 0) return SERVICE_UNKNOWN
    return pods.some((pod) => pod.isServing) ? SERVING : NOT_SERVING
  }

  async *#watch({ service }: HealthCheckRequest, signal: AbortSignal) {
    const watch = new Watch()
    const end = () => watch.end()
    signal.addEventListener('abort', end, { once: true })
    this.#watches.add(watch)
    let last: ServingStatus | undefined
    try {
      for (;;) {
        const changed = watch.woken()
        const status = this.#statusOf(service)
        if (status !== last) yield { status }
        last = status
        // Looked at after the last word, so that a watcher hears of the end before it comes.
        if (watch.isEnded) break
        await changed
      }
      throw new ServerError(Status.UNAVAILABLE, 'the server is shutting down')
    } finally {
      this.#watches.delete(watch)
      signal.removeEventListener('abort', end)
    }
  }

  #answer(request: HealthCheckRequest, done: sendUnaryData<HealthCheckResponse>): void {
    try {
      done(null, this.#check(request))
    } catch (error) {
      done(error as ServerError)
    }
  }

  async #stream(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
    const cancelled = new AbortController()
    call.once('cancelled', () => cancelled.abort())
    try {
      for await (const response of this.#watch(call.request, cancelled.signal)) call.write(response)
    } catch (error) {
      call.emit('error', error)
    }
  }
}

/** One Watch, asleep until something may have changed. */
class Watch {
  isEnded = false
  #wake: () => void = () => {}

  /** Resolves at the next wake. */
  woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake()
  }

  end(): void {
    this.isEnded = true
    this.#wake()
  }
}

/** The definition as grpc-js wants it. */
const grpcJsDefinition: ServiceDefinition = Object.fromEntries(
  Object.values(HealthDefinition.methods).map((method) => [
    method.name,
    {
      path: `/${HealthDefinition.fullName}/${method.name}`,
      requestStream: method.requestStream,
      responseStream: method.responseStream,
      requestSerialize: bytesOf(method.requestType),
      requestDeserialize: (bytes: Buffer) => method.requestType.decode(bytes),
      responseSerialize: bytesOf(method.responseType),
      responseDeserialize: (bytes: Buffer) => method.responseType.decode(bytes),
    },
  ]),
)

function bytesOf<T>(type: { encode(message: T): { finish(): Uint8Array } }) {
  return (message: T) => Buffer.from(type.encode(message).finish())
}
