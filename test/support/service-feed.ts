import type { Endpoint, EndpointSet } from '../../client/src/endpoint-set.ts'

type Definition = NonNullable<EndpointSet['definition']>
type Spec = NonNullable<Definition['spec']>

interface Change {
  readonly changed: readonly EndpointSet[]
  readonly removed: readonly string[]
}

/** A service source whose services the test gives. */
export class ServiceFeed {
  readonly sets = new Map<string, EndpointSet>()
  readonly isSynced = true
  readonly #listeners = new Set<(change: Change) => void>()

  subscribe(listener: (change: Change) => void): () => void {
    const tellAll = () => listener({ changed: [...this.sets.values()], removed: [] })
    queueMicrotask(() => {
      if (this.#listeners.has(listener)) tellAll()
    })
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  put(...sets: readonly EndpointSet[]): void {
    for (const set of sets) this.sets.set(`${set.namespace}/${set.service}`, set)
    for (const listener of this.#listeners) listener({ changed: sets, removed: [] })
  }

  remove(name: string): void {
    this.sets.delete(name)
    for (const listener of this.#listeners) listener({ changed: [], removed: [name] })
  }
}

const portOf = (port: Partial<Spec['ports'][number]>): Spec['ports'][number] => ({
  name: 'main',
  protocol: 'TCP',
  port: 8080,
  targetPort: '',
  nodePort: 0,
  ...port,
})

/** A ClusterIP service with one TCP port, but for what the test says; `ports` likewise. */
export const serviceSet = (
  {
    ports = [{}],
    ...own
  }: Partial<Omit<Spec, 'ports'>> & {
    readonly ports?: readonly Partial<Spec['ports'][number]>[]
  },
  endpoints: readonly Endpoint[],
  {
    name = 'shop/web',
    ingress = [],
  }: {
    readonly name?: string
    readonly ingress?: readonly { readonly ip: string; readonly ipMode?: string }[]
  } = {},
): EndpointSet => {
  const [namespace = '', service = ''] = name.split('/')
  const clusterIp = own.clusterIp ?? '127.96.0.10'
  const spec: Spec = {
    type: 'ClusterIP',
    ports: ports.map(portOf),
    selector: {},
    matchExpressions: [],
    clusterIp,
    clusterIps: [clusterIp],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    externalName: '',
    externalIps: [],
    sessionAffinity: 'None',
    sessionAffinityConfig: null,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    publishNotReadyAddresses: false,
    loadBalancerSourceRanges: [],
    loadBalancerIp: '',
    ...own,
  }
  const status = {
    loadBalancer: { ingress: ingress.map((one) => ({ hostname: '', ipMode: 'VIP', ...one })) },
  }
  return {
    namespace,
    service,
    revision: 1,
    definition: { metadata: null, spec, status },
    endpoints,
    emptyReason: 'EMPTY_REASON_UNSPECIFIED',
    hash: 0,
  }
}

/** A ready endpoint with one TCP port named `main`. */
export const endpoint = (
  id: string,
  port: number,
  { protocol = 'TCP', ...own }: Partial<Endpoint> & { readonly protocol?: string } = {},
): Endpoint => ({
  id,
  pod: id,
  addresses: ['127.0.0.1'],
  ports: [{ name: 'main', protocol, port, appProtocol: '' }],
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
