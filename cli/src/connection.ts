import { readFileSync } from 'node:fs'
import type { RosterOptions } from '@roster/client'
import { CatalogService, EndpointService, LeaseService, PodService } from '@roster/proto'
import {
  type CallOptions,
  ChannelCredentials,
  type Client,
  ClientError,
  type ClientMiddleware,
  type ClientMiddlewareCall,
  createChannel,
  createClientFactory,
  Metadata,
  Status,
} from 'nice-grpc'
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details'
import { HealthDefinition } from 'nice-grpc-server-health'
import { printDuration } from './duration.ts'
import { CommandError, UsageError } from './errors.ts'

export interface ConnectionOptions {
  /** `host:port` of the registry. */
  readonly address: string
  /** Sent with every call as a bearer token (RFC 6750). */
  readonly token?: string
  /** File with the certificate authority to trust, PEM. Absent: no TLS. */
  readonly caFile?: string
  /** How long a call may take; streams live for as long as they are read. */
  readonly timeoutMs: number
}

/** The services of one registry. */
export interface Connection {
  readonly address: string
  readonly catalog: Client<typeof CatalogService>
  readonly pods: Client<typeof PodService>
  readonly endpoints: Client<typeof EndpointService>
  readonly leases: Client<typeof LeaseService>
  readonly health: Client<typeof HealthDefinition>
  /** With which the SDK reaches the same registry. */
  readonly sdkOptions: Pick<RosterOptions, 'credentials' | 'token' | 'deadlineMs'>
  close(): void
}

/** Room for a page of the greatest objects, and for the snapshot of a great service. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** A registry that went away without a word is noticed after 15 s at most. */
const CHANNEL_OPTIONS = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // Commands that wait for a registry wait by themselves; the connection must be ready to be tried.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  // The registry is in the same network as its users; a proxy for the way out is not on the way.
  'grpc.enable_http_proxy': 0,
}

/** Makes a connection without waiting for it: the first call finds out whether there is a registry. */
export function connect(options: ConnectionOptions): Connection {
  const { address, token } = options
  if (!/^[^\s/]+:\d{1,5}$/.test(address)) {
    throw new UsageError(`"${address}" is no address of a registry: give HOST:PORT`)
  }
  const credentials = credentialsOf(options.caFile)
  const channel = createChannel(address, credentials, CHANNEL_OPTIONS)
  let factory = createClientFactory().use(errorDetailsClientMiddleware).use(deadline(options))
  if (token !== undefined && token !== '') factory = factory.use(bearer(token))
  return {
    address,
    catalog: factory.create(CatalogService, channel),
    pods: factory.create(PodService, channel),
    endpoints: factory.create(EndpointService, channel),
    leases: factory.create(LeaseService, channel),
    health: factory.create(HealthDefinition, channel),
    sdkOptions: {
      credentials,
      deadlineMs: options.timeoutMs,
      ...(token !== undefined && token !== '' && { token }),
    },
    close: () => channel.close(),
  }
}

function credentialsOf(caFile: string | undefined): ChannelCredentials {
  if (caFile === undefined) return ChannelCredentials.createInsecure()
  try {
    return ChannelCredentials.createSsl(readFileSync(caFile))
  } catch (cause) {
    throw new CommandError(`cannot use ${caFile} as certificate authority: ${String(cause)}`)
  }
}

function bearer(token: string): ClientMiddleware {
  return async function* bearerMiddleware<Request, Response>(
    call: ClientMiddlewareCall<Request, Response>,
    options: CallOptions,
  ) {
    const metadata = Metadata(options.metadata).set('authorization', `Bearer ${token}`)
    return yield* call.next(call.request, { ...options, metadata })
  }
}

/** Ends a call that takes too long, and says so. */
function deadline({ address, timeoutMs }: ConnectionOptions): ClientMiddleware {
  return async function* deadlineMiddleware<Request, Response>(
    call: ClientMiddlewareCall<Request, Response>,
    options: CallOptions,
  ) {
    if (call.requestStream || call.responseStream) return yield* call.next(call.request, options)
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
    try {
      return yield* call.next(call.request, { ...options, signal })
    } catch (error) {
      if (!timeout.aborted || error instanceof ClientError) throw error
      throw new ClientError(
        call.method.path,
        Status.DEADLINE_EXCEEDED,
        `the registry at ${address} did not answer within ${printDuration(timeoutMs)}: try again, or give it longer with --timeout`,
      )
    }
  }
}
