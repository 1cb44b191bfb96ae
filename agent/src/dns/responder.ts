import { encodeRecords, nameBytes, QUESTION_OWNER, resourceRecord } from './answer.ts'
import type { Resolved } from './forwarder.ts'
import type { Name } from './name.ts'
import { FLAG, MAX_TCP_BYTES, RCODE, type Rcode, TYPE } from './protocol.ts'
import { type Query, type Refusal, readQuery, udpLimit } from './query.ts'
import type { ResourceRecord } from './record-reader.ts'
import { Response } from './response.ts'
import type { Zone } from './zone.ts'

/** Aliases that are followed for one question. */
const MAX_ALIASES = 10

export type Transport = 'udp' | 'tcp'

/** A question somebody else has to answer first: hand what they say to `conclude`. */
export interface Deferred {
  readonly query: Query
  /** What the name asked for is an alias of, and that in turn; none: it is no name of ours. */
  readonly aliases: readonly Name[]
  /** The name to ask for, in lower case. */
  readonly name: Name
}

export interface ResponderOptions {
  /** Whether the zone is whole: before that a missing name proves nothing. */
  readonly isSynced: () => boolean
  /** Whether there is somebody to ask for other names. */
  readonly isRecursive: boolean
}

/** Turns queries into responses, by what the zone says. */
export class Responder {
  readonly #zone: Zone
  readonly #isSynced: () => boolean
  readonly #isRecursive: boolean
  /** Where the next answer with several records begins. */
  #turn = 0

  constructor(zone: Zone, { isSynced, isRecursive }: ResponderOptions) {
    this.#zone = zone
    this.#isSynced = isSynced
    this.#isRecursive = isRecursive
  }

  /**
   * Writes the response to a message into `out`. Returns its length; 0 when there
   * is nothing to say; or what has to be asked first.
   */
  respond(message: Buffer, out: Buffer, transport: Transport): number | Deferred {
    const query = readQuery(message)
    if (!('name' in query)) return this.#refuse(message, query, out)
    const { name, type } = query
    const answer = this.#zone.answer(name, type)
    if (answer) {
      const response = this.#begin(query, out, transport)
      response.setFlag(FLAG.AA)
      const { length } = answer.answer.ends
      const first = length === 1 ? 0 : this.#turn++ % length
      if (!response.addAll('answer', answer.answer, first)) response.setFlag(FLAG.TC)
      else if (answer.glue.ends.length > 0) response.addAll('additional', answer.glue)
      return response.finish(RCODE.NOERROR)
    }
    // An alias has no ports of its own to tell of.
    const alias = type === TYPE.SRV ? undefined : this.#zone.aliasOf(name)
    if (alias !== undefined) return this.#follow(query, alias, out, transport)
    return this.#deny(query, out, transport)
  }

  /** Writes the response to a deferred question; without an answer it failed. */
  conclude(
    { query, aliases }: Deferred,
    resolved: Resolved | undefined,
    out: Buffer,
    transport: Transport,
  ): number {
    const response = this.#begin(query, out, transport)
    if (!resolved) return response.finish(RCODE.SERVFAIL)
    const isWhole =
      this.#addAliases(response, aliases) &&
      resolved.answer.every((record) => response.add('answer', bytesOf(record, query)))
    if (!isWhole) truncate(response)
    else {
      for (const section of ['authority', 'additional'] as const) {
        for (const record of resolved[section]) response.add(section, bytesOf(record, query))
      }
    }
    return response.finish(resolved.rcode)
  }

  #begin(query: Query, out: Buffer, transport: Transport): Response {
    const limit = transport === 'tcp' ? MAX_TCP_BYTES : udpLimit(query)
    const response = new Response(out, limit, query)
    if (this.#isRecursive) response.setFlag(FLAG.RA)
    return response
  }

  #refuse(message: Buffer, { rcode, end, edns }: Refusal, out: Buffer): number {
    if (rcode === undefined) return 0
    const start = { message, end, ...(edns && { edns }) }
    return new Response(out, out.length, start).finish(rcode)
  }

  /** Follows aliases as long as they stay in the zone (RFC 1034 section 3.6.2). */
  #follow(query: Query, alias: Name, out: Buffer, transport: Transport): number | Deferred {
    const aliases: Name[] = []
    let name = alias
    for (let next: Name | undefined = alias; next !== undefined; ) {
      name = next
      if (aliases.length >= MAX_ALIASES || aliases.includes(name) || name === query.name) {
        return this.#begin(query, out, transport).finish(RCODE.SERVFAIL)
      }
      aliases.push(name)
      next = this.#zone.aliasOf(name)
    }
    const apex = this.#zone.apexOf(name)
    if (apex === undefined && this.#mayAsk(query)) return { query, aliases, name }

    const response = this.#begin(query, out, transport)
    const found = this.#zone.records(name, query.type)
    const records = encodeRecords(nameBytes(name), found, this.#zone.ttlSeconds)
    const isWhole =
      this.#addAliases(response, aliases) &&
      records.every((record) => response.add('answer', record))
    if (!isWhole) truncate(response)
    // Where nobody can be asked, the rest is up to the client.
    if (found.length > 0 || apex === undefined) return response.finish(RCODE.NOERROR)
    return this.#conclude(response, name, query, apex)
  }

  /** A name without records of the type asked for, or no name at all. */
  #deny(query: Query, out: Buffer, transport: Transport): number | Deferred {
    const { name, type } = query
    const apex = this.#zone.apexOf(name)
    if (apex === undefined) {
      if (this.#mayAsk(query)) return { query, aliases: [], name }
      return this.#begin(query, out, transport).finish(RCODE.REFUSED)
    }
    const response = this.#begin(query, out, transport)
    if (type !== TYPE.SOA || name !== apex) return this.#conclude(response, name, query, apex)
    response.setFlag(FLAG.AA)
    response.add('answer', this.#zone.soa(query.name, apex))
    return response.finish(RCODE.NOERROR)
  }

  /** Ends a negative answer (RFC 2308): the name is there without such records, or it is not. */
  #conclude(response: Response, name: Name, query: Query, apex: Name): number {
    const exists = this.#zone.has(name)
    if (!exists && !this.#isSynced()) {
      response.clear()
      return response.finish(RCODE.SERVFAIL)
    }
    response.setFlag(FLAG.AA)
    response.add('authority', this.#zone.soa(query.name, apex))
    const rcode: Rcode = exists ? RCODE.NOERROR : RCODE.NXDOMAIN
    return response.finish(rcode)
  }

  #addAliases(response: Response, aliases: readonly Name[]): boolean {
    if (aliases.length > 0) response.setFlag(FLAG.AA)
    return aliases.every((alias, n) => {
      const before = aliases[n - 1]
      const owner = before === undefined ? QUESTION_OWNER : nameBytes(before)
      const ttl = this.#zone.ttlSeconds
      return response.add('answer', resourceRecord(owner, TYPE.CNAME, ttl, nameBytes(alias)))
    })
  }

  /** A client that desires no recursion gets none; so no two servers can send it round for ever. */
  #mayAsk({ message }: Query): boolean {
    return this.#isRecursive && (message.readUInt16BE(2) & FLAG.RD) !== 0
  }
}

/** The client is to ask over TCP. */
function truncate(response: Response): void {
  response.clear()
  response.setFlag(FLAG.TC)
}

function bytesOf({ name, type, class: rclass, ttl, data }: ResourceRecord, query: Query): Buffer {
  const isAsked = name.toLowerCase() === query.name
  const bytes = resourceRecord(isAsked ? QUESTION_OWNER : nameBytes(name), type, ttl, data)
  bytes.writeUInt16BE(rclass, bytes.length - data.length - 8)
  return bytes
}
