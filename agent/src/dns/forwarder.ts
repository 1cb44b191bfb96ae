import { randomInt } from 'node:crypto'
import { askTcp, askUdp } from './exchange.ts'
import type { HostPort } from './host-port.ts'
import type { Name } from './name.ts'
import { CLASS_IN, FLAG, HEADER_BYTES, MAX_UDP_BYTES, RCODE, type Rcode, TYPE } from './protocol.ts'
import { RecordReader, type ResourceRecord } from './record-reader.ts'

/** What to ask others for. */
export interface Question {
  /** In lower case. */
  readonly name: Name
  readonly type: number
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
}

/** What others said. */
export interface Resolved {
  readonly rcode: Rcode
  readonly answer: readonly ResourceRecord[]
  readonly authority: readonly ResourceRecord[]
  readonly additional: readonly ResourceRecord[]
}

export interface ForwarderOptions {
  /** Tried in this order, beginning with the one that answered last. */
  readonly upstreams: readonly HostPort[]
  /** How long one of them may take, in milliseconds. Default 2,000. */
  readonly timeoutMs?: number
  /** Questions asked at the same time; others fail. Default 500. */
  readonly maxPending?: number
  /** Answers that are kept. Default 1,000. */
  readonly maxKept?: number
  /** Monotonic clock, in milliseconds. */
  readonly now?: () => number
}

/** However long an answer is good for, it is kept no longer. */
const MAX_KEPT_SECONDS = 30
/** Another server may do better. */
const HOPELESS: ReadonlySet<Rcode> = new Set([RCODE.SERVFAIL, RCODE.REFUSED, RCODE.NOTIMP])
/** Answers that can be kept. */
const FINAL: ReadonlySet<Rcode> = new Set([RCODE.NOERROR, RCODE.NXDOMAIN])

/**
 * Asks other servers for names that are not ours. Equal questions at one time are
 * one; so a server that asks us back what we have just asked it gets no further
 * question from us, and both time out.
 */
export class Forwarder {
  readonly #upstreams: readonly HostPort[]
  readonly #timeoutMs: number
  readonly #maxPending: number
  readonly #maxKept: number
  readonly #now: () => number
  readonly #pending = new Map<string, Promise<Resolved | undefined>>()
  readonly #kept = new Map<string, { readonly resolved: Resolved; readonly sinceMs: number }>()
  readonly #closing = new AbortController()
  #preferred = 0

  constructor(options: ForwarderOptions) {
    this.#upstreams = options.upstreams
    this.#timeoutMs = options.timeoutMs ?? 2_000
    this.#maxPending = options.maxPending ?? 500
    this.#maxKept = options.maxKept ?? 1_000
    this.#now = options.now ?? (() => performance.now())
  }

  /** The answer; undefined when nobody has one. Never fails. */
  resolve(question: Question): Promise<Resolved | undefined> {
    const { name, type, dnssecOk, checkingDisabled } = question
    const key = `${type} ${dnssecOk} ${checkingDisabled} ${name}`
    const kept = this.#recall(key)
    if (kept) return Promise.resolve(kept)
    const pending = this.#pending.get(key)
    if (pending !== undefined) return pending
    if (this.#pending.size >= this.#maxPending) return Promise.resolve(undefined)
    const asked = this.#ask(question).then((resolved) => {
      this.#pending.delete(key)
      if (resolved) this.#keep(key, resolved)
      return resolved
    })
    this.#pending.set(key, asked)
    return asked
  }

  /** Gives up every question. */
  close(): void {
    this.#closing.abort()
    this.#kept.clear()
  }

  async #ask(question: Question): Promise<Resolved | undefined> {
    const first = this.#preferred
    let last: Resolved | undefined
    for (let n = 0; n < this.#upstreams.length && !this.#closing.signal.aborted; n++) {
      const index = (first + n) % this.#upstreams.length
      const upstream = this.#upstreams[index]
      const resolved = upstream && (await this.#askOne(upstream, question))
      if (resolved === undefined) continue
      last = resolved
      if (HOPELESS.has(resolved.rcode)) continue
      this.#preferred = index
      return resolved
    }
    return last
  }

  async #askOne(upstream: HostPort, question: Question): Promise<Resolved | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#timeoutMs)])
    const message = queryFor(question)
    const isOurs = (response: Buffer) => isResponseTo(message, response)
    const short = await askUdp(upstream, message, isOurs, signal)
    if (short === undefined) return undefined
    const isCut = (short.readUInt16BE(2) & FLAG.TC) !== 0
    const response = isCut ? await askTcp(upstream, message, isOurs, signal) : short
    return response && readResponse(response)
  }

  #recall(key: string): Resolved | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    const seconds = Math.floor((this.#now() - kept.sinceMs) / 1000)
    if (seconds < keepSeconds(kept.resolved)) return aged(kept.resolved, seconds)
    this.#kept.delete(key)
    return undefined
  }

  #keep(key: string, resolved: Resolved): void {
    if (!FINAL.has(resolved.rcode) || keepSeconds(resolved) === 0) return
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#maxKept) break
      this.#kept.delete(oldest)
    }
    this.#kept.set(key, { resolved, sinceMs: this.#now() })
  }
}

/** As long as its most short-lived record; an answer without records cannot be kept (RFC 2308). */
function keepSeconds({ answer, authority }: Resolved): number {
  const ttls = [...answer, ...authority].map(({ ttl }) => ttl)
  return ttls.length === 0 ? 0 : Math.min(MAX_KEPT_SECONDS, ...ttls)
}

function aged(resolved: Resolved, seconds: number): Resolved {
  const age = (records: readonly ResourceRecord[]) =>
    records.map((record) => ({ ...record, ttl: Math.max(0, record.ttl - seconds) }))
  const { rcode, answer, authority, additional } = resolved
  return {
    rcode,
    answer: age(answer),
    authority: age(authority),
    additional: age(additional),
  }
}

/** A query with a number nobody can guess, and EDNS. */
function queryFor({ name, type, dnssecOk, checkingDisabled }: Question): Buffer {
  const message = Buffer.alloc(HEADER_BYTES + name.length + 4 + 11)
  message.writeUInt16BE(randomInt(65_536), 0)
  message.writeUInt16BE(FLAG.RD | (checkingDisabled ? FLAG.CD : 0), 2)
  message.writeUInt16BE(1, 4)
  message.writeUInt16BE(1, 10)
  const end = HEADER_BYTES + message.write(name, HEADER_BYTES, 'latin1')
  message.writeUInt16BE(type, end)
  message.writeUInt16BE(CLASS_IN, end + 2)
  message.writeUInt16BE(TYPE.OPT, end + 5)
  message.writeUInt16BE(MAX_UDP_BYTES, end + 7)
  message.writeUInt16BE(dnssecOk ? 0x8000 : 0, end + 11)
  return message
}

function isResponseTo(query: Buffer, response: Buffer): boolean {
  const questionEnd = query.length - 11
  if (response.length < questionEnd) return false
  const isSame = response.readUInt16BE(0) === query.readUInt16BE(0)
  const isResponse = (response.readUInt16BE(2) & FLAG.QR) !== 0
  const question = (message: Buffer) =>
    message.toString('latin1', HEADER_BYTES, questionEnd).toLowerCase()
  return isSame && isResponse && question(query) === question(response)
}

/** Undefined for a message that cannot be read to its end. */
function readResponse(message: Buffer): Resolved | undefined {
  let at = HEADER_BYTES
  while ((message[at] ?? 0) !== 0) at += 1 + (message[at] ?? 0)
  const reader = new RecordReader(message, at + 5)
  const sections: ResourceRecord[][] = []
  for (const offset of [6, 8, 10]) {
    const records: ResourceRecord[] = []
    for (let n = message.readUInt16BE(offset); n > 0; n--) {
      const record = reader.read()
      if (record === undefined) return undefined
      records.push(record)
    }
    sections.push(records)
  }
  const [answer = [], authority = [], additional = []] = sections
  const rcode = message.readUInt16BE(2) & 15
  // The OPT record is between us and them.
  return {
    rcode,
    answer,
    authority,
    additional: additional.filter(({ type }) => type !== TYPE.OPT),
  }
}
