import { Channel, ChannelCredentials } from '@grpc/grpc-js'
import { CatalogService, EndpointService, LeaseService, PodService } from '@roster/proto'
import { type Client, createClientFactory } from 'nice-grpc'
import { ClientError, type ClientMiddleware, Metadata, Status } from 'nice-grpc-common'
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details'
import { BackgroundCredentials } from './grpc/background-credentials.ts'
import { RosterError } from './roster-error.ts'

/** Port of a registry whose address has none. */
const DEFAULT_PORT = 7400

/** How the registry is reached. */
export interface RegistryClientOptions {
  /** Credentials of the connection to the registry. Default: none, no TLS. */
  readonly credentials?: ChannelCredentials
  /** Sent with every call as `authorization: Bearer …`; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>)
  /** How long a call other than a stream may take, in milliseconds. Default 5,000. */
  readonly deadlineMs?: number
  /** Whether the connection keeps the process alive by itself. Default false. */
  readonly keepProcessAlive?: boolean
}

/** Of one call. */
export interface RegistryCallOptions {
  /** How long it may take, in milliseconds. Default: RegistryClientOptions.deadlineMs. Streams have none. */
  readonly deadlineMs?: number
}

/** The services of a registry, over one connection. Their calls throw RosterError. */
export class RegistryClient {
  /** `host:port` of the registry. */
  readonly address: string
  /** roster.v1.CatalogService: services. */
  readonly catalog: Client<typeof CatalogService, RegistryCallOptions>
  /** roster.v1.PodService: pods, their state and their drain. */
  readonly pods: Client<typeof PodService, RegistryCallOptions>
  /** roster.v1.EndpointService: endpoints, also by hand; endpoints() follows them by itself. */
  readonly endpointService: Client<typeof EndpointService, RegistryCallOptions>
  /** roster.v1.LeaseService: leases; register() keeps one by itself. */
  readonly leases: Client<typeof LeaseService, RegistryCallOptions>
  readonly #channel: Channel

  /** Throws INVALID when the address is none. */
  constructor(address: string, options: RegistryClientOptions = {}) {
    this.address = withPort(address)
    const credentials = options.credentials ?? ChannelCredentials.createInsecure()
    this.#channel = new Channel(
      this.address,
      options.keepProcessAlive ? credentials : new BackgroundCredentials(credentials),
      CHANNEL_OPTIONS,
    )
    // What is attached last is outermost.
    const factory = createClientFactory()
      .use(errorDetailsClientMiddleware)
      .use(deadline(options.deadlineMs ?? 5_000))
      .use(authorization(options.token))
      .use(rosterErrors(this.address))
    this.catalog = factory.create(CatalogService, this.#channel)
    this.pods = factory.create(PodService, this.#channel)
    this.endpointService = factory.create(EndpointService, this.#channel)
    this.leases = factory.create(LeaseService, this.#channel)
  }

  close(): void {
    this.#channel.close()
  }
}

const CHANNEL_OPTIONS = {
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  // A registry that restarts must find its clients back within a second or so;
  // the streams add a jittered backoff of their own.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A connection attempt that leads nowhere ends after this long (nice-grpc's option).
  'grpc.min_reconnect_backoff_ms': 5_000,
  // A connection that died without a word is found out; every stream on it would
  // otherwise be opened again on the same dead connection.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // One connection per RegistryClient: two with different tokens or lives share none.
  'grpc.use_local_subchannel_pool': 1,
} as const

function withPort(address: string): string {
  const [, port = '0'] = /:(\d+)$/.exec(address) ?? []
  // Other schemes are those of gRPC: dns:///, unix:///, …
  if (address === '' || /^https?:|\s/.test(address) || Number(port) > 65_535) {
    throw new RosterError('INVALID', `address "${address}" of the registry: expected host:port`)
  }
  const hasPort = /^(?:\[[^\]]+\]|[^:]+):\d+$/.test(address)
  if (hasPort || address.includes('/')) return address
  const isBareIPv6 = address.includes(':') && !address.startsWith('[')
  return `${isBareIPv6 ? `[${address}]` : address}:${DEFAULT_PORT}`
}

/**
 * Gives unary calls a deadline. Its timer is the one that is not unref'ed: it
 * keeps the process alive while somebody waits for the answer, which the
 * connection does not do.
 */
const deadline = (defaultMs: number): ClientMiddleware<RegistryCallOptions> =>
  async function* deadlineMiddleware(call, { deadlineMs = defaultMs, ...options }) {
    if (call.requestStream || call.responseStream) return yield* call.next(call.request, options)
    const expiry = new AbortController()
    const timer = setTimeout(() => expiry.abort(), deadlineMs)
    const signal = options.signal ? AbortSignal.any([options.signal, expiry.signal]) : expiry.signal
    try {
      return yield* call.next(call.request, { ...options, signal })
    } catch (error) {
      if (!expiry.signal.aborted || options.signal?.aborted) throw error
      const details = `no answer within ${deadlineMs} ms`
      throw new ClientError(call.method.path, Status.DEADLINE_EXCEEDED, details)
    } finally {
      clearTimeout(timer)
    }
  }

const authorization = (token: RegistryClientOptions['token']): ClientMiddleware =>
  async function* authorizationMiddleware(call, options) {
    if (token === undefined) return yield* call.next(call.request, options)
    const value = typeof token === 'string' ? token : await token()
    const metadata = Metadata(options.metadata).set('authorization', `Bearer ${value}`)
    return yield* call.next(call.request, { ...options, metadata })
  }

const rosterErrors = (address: string): ClientMiddleware =>
  async function* rosterErrorsMiddleware(call, options) {
    try {
      return yield* call.next(call.request, options)
    } catch (reason) {
      const error = RosterError.from(reason)
      if (error.code !== 'UNAVAILABLE' && error.code !== 'DEADLINE_EXCEEDED') throw error
      // These say nothing of which server it was.
      throw new RosterError(error.code, `registry ${address}: ${error.message}`, { cause: reason })
    }
  }
