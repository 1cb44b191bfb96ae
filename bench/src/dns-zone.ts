import type { EndpointSet } from '@roster/client'

const CLUSTER_SERVICES = 1_000
const HEADLESS_SERVICES = 100
const ENDPOINTS = 3
const QUERIES = 20_000
const DOMAIN = 'bench.svc.cluster.local'
const TTL_SECONDS = 5
const PORT = 80

interface BenchService {
  readonly name: string
  /** One virtual address, or those of the endpoints. */
  readonly addresses: readonly string[]
  readonly isHeadless: boolean
}

/** 1,000 services with a virtual address, 100 headless ones of three endpoints each. */
const services: readonly BenchService[] = Array.from(
  { length: CLUSTER_SERVICES + HEADLESS_SERVICES },
  (_, n) => {
    const isHeadless = n >= CLUSTER_SERVICES
    const high = Math.floor(n / 250)
    const address = (host: number) => `10.${isHeadless ? host + 1 : 96}.${high}.${(n % 250) + 1}`
    const count = isHeadless ? ENDPOINTS : 1
    return {
      name: `svc-${n}`,
      addresses: Array.from({ length: count }, (_, host) => address(host)),
      isHeadless,
    }
  },
)

const label = (address: string) => address.replaceAll('.', '-')

/** Hosts the SRV records of a service lead to. */
const targets = ({ name, addresses, isHeadless }: BenchService) =>
  addresses.map((address) => ({
    host: isHeadless ? `${label(address)}.${name}.${DOMAIN}` : `${name}.${DOMAIN}`,
    address,
  }))

/** The services as the agent knows them. */
export const endpointSets = (): readonly EndpointSet[] => services.map(endpointSet)

function endpointSet({ name, addresses, isHeadless }: BenchService): EndpointSet {
  const port = { name: 'http', protocol: 'TCP', port: PORT }
  const spec = {
    type: 'ClusterIP',
    clusterIps: isHeadless ? ['None'] : addresses,
    externalName: '',
    ports: [{ ...port, targetPort: `${PORT}`, nodePort: 0 }],
  }
  // All that the agent's DNS reads of a definition.
  const definition = { metadata: null, spec, status: null } as unknown as NonNullable<
    EndpointSet['definition']
  >
  return {
    namespace: 'bench',
    service: name,
    revision: 1,
    definition,
    endpoints: (isHeadless ? addresses : []).map((address) => ({
      id: address,
      pod: `${name}-${address}`,
      addresses: [address],
      ports: [{ ...port, appProtocol: '' }],
      ready: true,
      serving: true,
      terminating: false,
      hostname: '',
      nodeName: '',
      zone: '',
      weight: 100,
      hash: 1,
      notIdempotentMethods: [],
    })),
    emptyReason: 'EMPTY_REASON_UNSPECIFIED',
    hash: 0,
  }
}

/** The same names as a zone file (RFC 1035 section 5). */
export function zoneFile(): string {
  const head = [
    '$ORIGIN cluster.local.',
    `$TTL ${TTL_SECONDS}`,
    `@ SOA ns.dns hostmaster 1 7200 1800 86400 ${TTL_SECONDS}`,
    '@ NS ns.dns',
    'ns.dns A 127.0.0.1',
  ]
  const lines = services.flatMap((service) => {
    const { name, addresses, isHeadless } = service
    const weight = Math.floor(100 / addresses.length)
    return [
      ...addresses.map((address) => `${name}.${DOMAIN}. A ${address}`),
      ...targets(service).flatMap(({ host, address }) => [
        `_http._tcp.${name}.${DOMAIN}. SRV 0 ${weight} ${PORT} ${host}.`,
        ...(isHeadless ? [`${host}. A ${address}`] : []),
      ]),
    ]
  })
  return `${[...head, ...lines].join('\n')}\n`
}

/** The same names as options of dnsmasq. */
export function dnsmasqFile(): string {
  const lines = services.flatMap((service) => [
    ...service.addresses.map((address) => `host-record=${service.name}.${DOMAIN},${address}`),
    ...targets(service).flatMap(({ host, address }) => [
      `srv-host=_http._tcp.${service.name}.${DOMAIN},${host},${PORT}`,
      ...(service.isHeadless ? [`host-record=${host},${address}`] : []),
    ]),
  ])
  return `${['local=/cluster.local/', `local-ttl=${TTL_SECONDS}`, ...lines].join('\n')}\n`
}

/** The queries, for dnsperf: 70 % A, 10 % no data, 10 % SRV, 5 % headless, 5 % no such name. */
export function queryFile(): string {
  const lines = Array.from({ length: QUERIES }, (_, n) => {
    const cluster = services[(n * 7) % CLUSTER_SERVICES]?.name
    const headless = services[CLUSTER_SERVICES + (n % HEADLESS_SERVICES)]?.name
    const share = (n * 37) % 100
    if (share < 70) return `${cluster}.${DOMAIN} A`
    if (share < 80) return `${cluster}.${DOMAIN} AAAA`
    if (share < 90) return `_http._tcp.${cluster}.${DOMAIN} SRV`
    if (share < 95) return `${headless}.${DOMAIN} A`
    return `nope-${n}.${DOMAIN} A`
  })
  return `${lines.join('\n')}\n`
}
