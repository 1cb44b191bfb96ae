import { isIPv4 } from 'node:net'
import { reverseName } from './address.ts'
import type { DnsEndpoint, DnsPort, DnsService } from './dns-service.ts'
import { label, type Name, parseName } from './name.ts'
import { TYPE } from './protocol.ts'

/** A record of the zone, not yet encoded. */
export type ZoneRecord =
  | { readonly type: typeof TYPE.A | typeof TYPE.AAAA; readonly address: string }
  | {
      readonly type: typeof TYPE.SRV
      readonly weight: number
      readonly port: number
      readonly target: Name
      /** Addresses of the target, for the additional section. */
      readonly glue: readonly string[]
    }
  | {
      readonly type: typeof TYPE.PTR
      readonly target: Name
      /** Of those that share an address only the lowest rank is told: a ClusterIP, then endpoints. */
      readonly rank: 0 | 1
    }
  | { readonly type: typeof TYPE.CNAME; readonly target: Name }
  | { readonly type: typeof TYPE.NS; readonly target: Name; readonly glue: readonly string[] }
  | { readonly type: typeof TYPE.TXT; readonly text: string; readonly ttlSeconds: number }
  /** No record: the name exists. */
  | { readonly type: typeof EXISTS }

/** Type of no query. */
export const EXISTS = -1

/** A record and its owner. */
export interface NamedRecord {
  readonly name: Name
  readonly record: ZoneRecord
}

export interface RecordOptions {
  /** Cluster domain. */
  readonly domain: Name
  /** `verified`: names by address for the pods behind services; `disabled`: none. */
  readonly podNames: 'disabled' | 'verified'
}

/**
 * Every record of a service, by the Kubernetes DNS specification 1.1.0
 * (https://github.com/kubernetes/dns/blob/master/docs/specification.md) and, where
 * that leaves room, as CoreDNS does it.
 */
export function recordsOf(service: DnsService, options: RecordOptions): NamedRecord[] {
  const { domain } = options
  const namespace = `${label(service.namespace)}${label('svc')}${domain}`
  const base = label(service.name) + namespace
  // A namespace exists as long as it has services, whether or not those have records.
  const records: NamedRecord[] = [{ name: namespace, record: { type: EXISTS } }]
  if (service.externalName !== '') return [...records, ...aliasRecords(base, service.externalName)]
  const isHeadless = service.clusterIps.length === 0
  const addresses = isHeadless
    ? service.endpoints.flatMap((endpoint) => endpoint.addresses)
    : service.clusterIps
  for (const address of new Set(addresses)) records.push(addressRecord(base, address))
  const ways = isHeadless ? waysToEndpoints(base, service.endpoints) : waysToService(base, service)
  records.push(...srvRecords(base, ways))
  if (!isHeadless) {
    for (const address of service.clusterIps) records.push(reverseRecord(address, base, 0))
  }
  for (const endpoint of service.endpoints) records.push(...endpointRecords(base, endpoint))
  if (options.podNames === 'verified') records.push(...podRecords(service, domain))
  return distinct(records)
}

/** An alias of something that looks like an IP address is an alias of nothing. */
function aliasRecords(base: Name, externalName: string): NamedRecord[] {
  const target = isIPv4(externalName) ? undefined : parseName(externalName.toLowerCase())
  return target === undefined ? [] : [{ name: base, record: { type: TYPE.CNAME, target } }]
}

/** One way to reach a service: what SRV records are made of. */
interface Way {
  readonly target: Name
  readonly address: string
  readonly port: DnsPort
}

const waysToService = (base: Name, { clusterIps, ports }: DnsService): Way[] =>
  clusterIps.flatMap((address) => ports.map((port) => ({ target: base, address, port })))

const waysToEndpoints = (base: Name, endpoints: readonly DnsEndpoint[]): Way[] =>
  endpoints.flatMap((endpoint) =>
    endpoint.addresses.flatMap((address) => {
      const target = label(hostLabel(endpoint, address)) + base
      return endpoint.ports.map((port) => ({ target, address, port }))
    }),
  )

/** All ways under the name of the service, and those by named port under `_port._protocol`. */
function srvRecords(base: Name, ways: readonly Way[]): NamedRecord[] {
  const byName = new Map<Name, Way[]>([[base, [...ways]]])
  for (const way of ways) {
    const { name, protocol } = way.port
    if (name === '') continue
    const owner = label(`_${name}`) + label(`_${protocol}`) + base
    const others = byName.get(owner)
    if (others) others.push(way)
    else byName.set(owner, [way])
  }
  return [...byName].flatMap(([name, some]) => srvSet(name, some))
}

function srvSet(name: Name, ways: readonly Way[]): NamedRecord[] {
  const weight = Math.max(1, Math.floor(100 / ways.length))
  const glue = new Map<Name, Set<string>>()
  const targets = new Map<string, { readonly target: Name; readonly port: number }>()
  for (const { target, address, port } of ways) {
    targets.set(`${port.port} ${target}`, { target, port: port.port })
    const known = glue.get(target)
    if (known) known.add(address)
    else glue.set(target, new Set([address]))
  }
  return [...targets.values()].map(({ target, port }) => ({
    name,
    record: { type: TYPE.SRV, weight, port, target, glue: [...(glue.get(target) ?? [])] },
  }))
}

const endpointRecords = (base: Name, endpoint: DnsEndpoint): NamedRecord[] =>
  endpoint.addresses.flatMap((address) => {
    const name = label(hostLabel(endpoint, address)) + base
    return [addressRecord(name, address), reverseRecord(address, name, 1)]
  })

const podRecords = ({ namespace, endpoints }: DnsService, domain: Name): NamedRecord[] => {
  const above = `${label(namespace)}${label('pod')}${domain}`
  const addresses = endpoints.flatMap((endpoint) => (endpoint.isPod ? endpoint.addresses : []))
  return [
    { name: above, record: { type: EXISTS } },
    ...addresses.map((address) => addressRecord(label(dashed(address)) + above, address)),
  ]
}

const hostLabel = ({ hostname }: DnsEndpoint, address: string): string =>
  hostname === '' ? dashed(address) : hostname

/** An address as a label: `10-0-0-1`, `5678-abcd--1`; none ends with a dash. */
function dashed(address: string): string {
  const text = address.replace(/[.:]/g, '-')
  return text.endsWith('-') ? `${text}0` : text
}

const addressRecord = (name: Name, address: string): NamedRecord => ({
  name,
  record: { type: isIPv4(address) ? TYPE.A : TYPE.AAAA, address },
})

const reverseRecord = (address: string, target: Name, rank: 0 | 1): NamedRecord => ({
  name: reverseName(address),
  record: { type: TYPE.PTR, target, rank },
})

/** Two endpoints may be at one address, with different ports. */
function distinct(records: readonly NamedRecord[]): NamedRecord[] {
  const byText = new Map(records.map((one) => [JSON.stringify(one), one]))
  return [...byText.values()]
}
