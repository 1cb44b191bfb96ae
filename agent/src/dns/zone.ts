import { reverseZones } from './address.ts'
import { type Answer, encodeAnswer, nameBytes, ownerIn, resourceRecord } from './answer.ts'
import type { DnsService } from './dns-service.ts'
import { label, type Name, parentOf, parseName, printName, ROOT } from './name.ts'
import { TYPE } from './protocol.ts'
import { EXISTS, type NamedRecord, recordsOf, type ZoneRecord } from './service-records.ts'

/** Version of the Kubernetes DNS specification the names follow. */
const SCHEMA_VERSION = '1.1.0'
const SCHEMA_TTL_SECONDS = 28_800
/** Owner of what does not come from a service. */
const STATIC = ''

export interface ZoneOptions {
  /** E.g. `cluster.local`. */
  readonly clusterDomain: string
  readonly ttlSeconds: number
  /** Default disabled. */
  readonly podNames?: 'disabled' | 'verified'
  /** Networks (CIDR) whose reverse names nobody else knows. Default: none. */
  readonly reverseZones?: readonly string[]
  /** Address of the name server itself, for the glue of the NS record. */
  readonly address?: string
  /** Seconds since 1970. */
  readonly now?: () => number
}

/** What is known of one name. */
class Node {
  records: (ZoneRecord & { readonly owner: string })[] = []
  /** Names right below it. */
  children = 0
  /** Encoded when first asked for. */
  readonly answers = new Map<number, Answer>()
}

/**
 * All names of the cluster domain and their reverse names, kept up to date service
 * by service: a change costs what its service costs.
 */
export class Zone {
  readonly domain: Name
  readonly ttlSeconds: number
  readonly #podNames: 'disabled' | 'verified'
  readonly #apexes: ReadonlySet<Name>
  readonly #apexLengths: ReadonlySet<number>
  readonly #now: () => number
  readonly #nodes = new Map<Name, Node>()
  readonly #namesOf = new Map<string, ReadonlySet<Name>>()
  /** The time of the last change, in seconds since 1970. */
  #serial: number
  /** Encoded; by where the zone's name begins in the question, or by that name. */
  readonly #soas = new Map<number | Name, Buffer>()

  /** Throws for a domain that is no name and for networks that are none. */
  constructor(options: ZoneOptions) {
    const domain = parseName(options.clusterDomain.toLowerCase())
    if (domain === undefined) throw new Error(`${options.clusterDomain} is no domain name`)
    this.domain = domain
    this.ttlSeconds = options.ttlSeconds
    this.#podNames = options.podNames ?? 'disabled'
    this.#apexes = new Set([domain, ...(options.reverseZones ?? []).flatMap(reverseZones)])
    this.#apexLengths = new Set([...this.#apexes].map((apex) => apex.length))
    this.#now = options.now ?? (() => Math.floor(Date.now() / 1000))
    this.#serial = this.#now()
    this.#add(STATIC, staticRecords(domain, this.#apexes, options.address))
  }

  /** Takes a service in, or what it has become. */
  put(service: DnsService): void {
    const key = `${service.namespace}/${service.name}`
    this.#drop(key)
    this.#add(key, recordsOf(service, { domain: this.domain, podNames: this.#podNames }))
    this.#changed()
  }

  /** Takes a service out, by `namespace/name`. */
  remove(key: string): void {
    this.#drop(key)
    this.#changed()
  }

  /** Whether the name exists, if only because there are names below it (RFC 8020). */
  has(name: Name): boolean {
    return this.#nodes.has(name)
  }

  /** The records of a name and type, encoded; undefined when there are none. */
  answer(name: Name, type: number): Answer | undefined {
    const node = this.#nodes.get(name)
    if (node === undefined) return undefined
    const known = node.answers.get(type)
    if (known) return known
    const records = this.records(name, type)
    if (records.length === 0) return undefined
    const answer = encodeAnswer(name, records, this.ttlSeconds)
    node.answers.set(type, answer)
    return answer
  }

  /** The records of a name and type that a question for them is answered with. */
  records(name: Name, type: number): readonly ZoneRecord[] {
    return told(this.#nodes.get(name)?.records ?? [], type)
  }

  /** What the name is an alias of. */
  aliasOf(name: Name): Name | undefined {
    const [record] = this.records(name, TYPE.CNAME)
    return record?.type === TYPE.CNAME ? record.target : undefined
  }

  /** Top of the zone the name lies in; undefined when it is none of ours. */
  apexOf(name: Name): Name | undefined {
    for (let at = 0; ; at += 1 + name.charCodeAt(at)) {
      // Most names above one are as long as no zone: no need to cut them out.
      if (this.#apexLengths.has(name.length - at)) {
        const suffix = name.slice(at)
        if (this.#apexes.has(suffix)) return suffix
      }
      if (at >= name.length - 1) return undefined
    }
  }

  /** The SOA record of a zone, encoded as part of a response to a question for the name. */
  soa(name: Name, apex: Name): Buffer {
    const key = name.endsWith(apex) ? name.length - apex.length : apex
    let record = this.#soas.get(key)
    if (record === undefined) {
      const owner = ownerIn(name, apex)
      record = resourceRecord(owner, TYPE.SOA, this.ttlSeconds, this.#soaData())
      this.#soas.set(key, record)
    }
    return record
  }

  /** Every name with its records in words, in order: for comparing. */
  dump(): string[] {
    const lines = [...this.#nodes].map(([name, { records }]) => {
      const words = records.map(({ owner, ...record }) => `${owner} ${JSON.stringify(record)}`)
      return `${printName(name)} ${words.sort().join(' ')}`
    })
    return lines.sort()
  }

  #changed(): void {
    this.#serial = this.#now()
    this.#soas.clear()
  }

  /** RFC 1035 section 3.3.13. */
  #soaData(): Buffer {
    const times = Buffer.alloc(20)
    const values = [this.#serial, 7_200, 1_800, 86_400, this.ttlSeconds]
    for (const [n, value] of values.entries()) times.writeUInt32BE(value >>> 0, 4 * n)
    const host = nameBytes(serverName(this.domain))
    return Buffer.concat([host, nameBytes(label('hostmaster') + this.domain), times])
  }

  #add(owner: string, records: readonly NamedRecord[]): void {
    const names = new Set<Name>()
    for (const { name, record } of records) {
      const node = this.#touch(name)
      node.records.push({ ...record, owner })
      node.answers.clear()
      names.add(name)
    }
    this.#namesOf.set(owner, names)
  }

  #drop(owner: string): void {
    for (const name of this.#namesOf.get(owner) ?? []) {
      const node = this.#nodes.get(name)
      if (node === undefined) continue
      node.records = node.records.filter((record) => record.owner !== owner)
      node.answers.clear()
      this.#release(name, node)
    }
    this.#namesOf.delete(owner)
  }

  /** The node of a name; with it come those above it, up to the top of the zone. */
  #touch(name: Name): Node {
    const known = this.#nodes.get(name)
    if (known) return known
    const node = new Node()
    this.#nodes.set(name, node)
    if (this.#hasParent(name)) this.#touch(parentOf(name)).children++
    return node
  }

  #release(name: Name, node: Node): void {
    if (node.records.length > 0 || node.children > 0) return
    this.#nodes.delete(name)
    if (!this.#hasParent(name)) return
    const above = parentOf(name)
    const parent = this.#nodes.get(above)
    if (parent === undefined) return
    parent.children--
    this.#release(above, parent)
  }

  /** Whether the name above it is in the same zone. Reverse names outside of ours stand alone. */
  #hasParent(name: Name): boolean {
    return name !== ROOT && !this.#apexes.has(name) && this.apexOf(name) !== undefined
  }
}

/** The records a question for the type is answered with. */
function told(records: readonly ZoneRecord[], type: number): readonly ZoneRecord[] {
  // Asked for anything, one set will do (RFC 8482 section 4.1).
  const wanted = type === TYPE.ANY ? records.find((record) => record.type !== EXISTS)?.type : type
  const found = records.filter((record) => record.type === wanted && record.type !== EXISTS)
  const ranks = found.map((record) => (record.type === TYPE.PTR ? record.rank : 0))
  const best = Math.min(...ranks)
  return found.filter((_, n) => ranks[n] === best)
}

const serverName = (domain: Name): Name => label('ns') + label('dns') + domain

function staticRecords(
  domain: Name,
  apexes: Iterable<Name>,
  address: string | undefined,
): NamedRecord[] {
  const host = serverName(domain)
  const version = { type: TYPE.TXT, text: SCHEMA_VERSION, ttlSeconds: SCHEMA_TTL_SECONDS }
  const glue = address === undefined ? [] : [address]
  const nameServer = { type: TYPE.NS, target: host, glue }
  const self: ZoneRecord =
    address === undefined
      ? { type: EXISTS }
      : { type: address.includes(':') ? TYPE.AAAA : TYPE.A, address }
  return [
    ...[...apexes].map((name) => ({ name, record: nameServer })),
    { name: label('dns-version') + domain, record: version },
    { name: host, record: self },
    { name: label('svc') + domain, record: { type: EXISTS } },
    { name: label('pod') + domain, record: { type: EXISTS } },
  ]
}
