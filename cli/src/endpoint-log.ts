import type {
  Endpoint__Output,
  EndpointSet__Output,
  WatchEndpointsResponse__Output,
} from '@roster/proto'

/** Something that happened to the endpoints of a service. */
export interface EndpointEvent {
  readonly namespace: string
  readonly service: string
  /** EMPTY: there are none, for the reason of `emptyReason`. */
  readonly type: 'ADDED' | 'CHANGED' | 'REMOVED' | 'EMPTY'
  /** As it is now; as it was, when removed. Absent when EMPTY. */
  readonly endpoint?: Endpoint__Output
  readonly emptyReason?: string
}

type Known = ReadonlyMap<string, Endpoint__Output>

/**
 * Turns the messages of a watch into events, one by one. A snapshot that comes
 * again, after a lost connection, makes events of its differences only.
 */
export class EndpointLog {
  readonly #sets = new Map<string, Known>()

  /** The events of one message, in the order added, changed, removed, empty. */
  read({ snapshot, change }: WatchEndpointsResponse__Output): readonly EndpointEvent[] {
    if (snapshot) return this.#update(snapshot, byId(snapshot.endpoints), snapshot.emptyReason)
    if (!change) return []
    const next = new Map(this.#known(change) ?? [])
    for (const endpoint of [...change.added, ...change.changed]) next.set(endpoint.id, endpoint)
    for (const id of change.removed) next.delete(id)
    return this.#update(change, next, change.emptyReason)
  }

  #update(of: ServiceName, next: Known, emptyReason: string): readonly EndpointEvent[] {
    const before = this.#known(of)
    this.#sets.set(`${of.namespace}/${of.service}`, next)
    const { namespace, service } = of
    const event = (type: EndpointEvent['type'], endpoint: Endpoint__Output) =>
      ({ namespace, service, type, endpoint }) as const
    const added: EndpointEvent[] = []
    const changed: EndpointEvent[] = []
    for (const endpoint of next.values()) {
      const old = before?.get(endpoint.id)
      if (old === undefined) added.push(event('ADDED', endpoint))
      else if (old.hash !== endpoint.hash) changed.push(event('CHANGED', endpoint))
    }
    const gone = [...(before?.values() ?? [])].filter(({ id }) => !next.has(id))
    const removed = gone.map((endpoint) => event('REMOVED', endpoint))
    const isNews = next.size === 0 && (before === undefined || before.size > 0)
    const empty = isNews ? [{ namespace, service, type: 'EMPTY', emptyReason } as const] : []
    return [...added, ...changed, ...removed, ...empty]
  }

  #known({ namespace, service }: ServiceName): Known | undefined {
    return this.#sets.get(`${namespace}/${service}`)
  }
}

type ServiceName = Pick<EndpointSet__Output, 'namespace' | 'service'>

const byId = (endpoints: readonly Endpoint__Output[]): Known =>
  new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
