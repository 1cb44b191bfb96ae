import { type CallPreferences, checkPreferences } from '../../client/src/call-settings.ts'
import type { Consumer } from '../../client/src/consumer.ts'
import type {
  Endpoint,
  EndpointListener,
  EndpointSet,
  EndpointSource,
  ServiceName,
} from '../../client/src/endpoint-source.ts'
import type { Backend } from './echo-backend.ts'

/** An endpoint source of one service whose sets the test gives. */
export class HandFedSource implements EndpointSource {
  readonly address = 'hand-fed:1'
  readonly consumer: Consumer
  readonly #closing = new AbortController()
  readonly #listeners = new Set<EndpointListener>()
  #set: EndpointSet | undefined

  /** `preferences`: how calls are to be made; default: as the SDK does. */
  constructor(preferences: CallPreferences = {}) {
    const checked = checkPreferences(preferences)
    this.consumer = { name: 'me', preferences: checked, onEvent: () => {} }
  }

  /** How many are subscribed. */
  get subscribers(): number {
    return this.#listeners.size
  }

  get closed(): AbortSignal {
    return this.#closing.signal
  }

  close(): void {
    this.#closing.abort()
  }

  current(): EndpointSet | undefined {
    return this.#set
  }

  subscribe(_name: ServiceName, listener: EndpointListener): () => void {
    this.#listeners.add(listener)
    const set = this.#set
    if (set) process.nextTick(() => this.#listeners.has(listener) && listener({ set }))
    return () => this.#listeners.delete(listener)
  }

  feed(endpoints: readonly Endpoint[]): void {
    this.#set = setOf(endpoints)
    for (const listener of this.#listeners) listener({ set: this.#set })
  }
}

/** Set of service shop/web; an empty one has been scaled to zero. */
const setOf = (endpoints: readonly Endpoint[]): EndpointSet => ({
  namespace: 'shop',
  service: 'web',
  revision: 1,
  endpoints,
  emptyReason: endpoints.length > 0 ? 'EMPTY_REASON_UNSPECIFIED' : 'EMPTY_REASON_SCALED_TO_ZERO',
  hash: endpoints.reduce((sum, { hash }) => (sum + hash) >>> 0, 0),
})

/** The endpoint a backend is. */
export const endpointAt = (
  { name, port }: Pick<Backend, 'name' | 'port'>,
  own: Partial<Endpoint> = {},
): Endpoint => ({
  id: name,
  pod: name,
  addresses: ['127.0.0.1'],
  ports: [{ name: 'grpc', protocol: 'TCP', port, appProtocol: '' }],
  ready: true,
  serving: true,
  terminating: false,
  hostname: '',
  nodeName: '',
  zone: '',
  weight: 100,
  notIdempotentMethods: [],
  hash: 1,
  ...own,
})
