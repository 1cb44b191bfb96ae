import type { Name } from './name.ts'
import {
  CLASS_IN,
  FLAG,
  HEADER_BYTES,
  MAX_UDP_BYTES,
  PLAIN_UDP_BYTES,
  RCODE,
  type Rcode,
  TYPE,
} from './protocol.ts'
import { RecordReader } from './record-reader.ts'

/** What a client asked for. */
export interface Query {
  /** The message; its first bytes, header and question, begin the response. */
  readonly message: Buffer
  /** Where the question ends. */
  readonly end: number
  /** Name asked for, in lower case. */
  readonly name: Name
  readonly type: number
  /** The client checks signatures itself (RFC 4035 section 3.2.2). */
  readonly checkingDisabled: boolean
  /** Absent: the client speaks no EDNS (RFC 6891). */
  readonly edns?: Edns
}

export interface Edns {
  /** Greatest UDP message the client takes. */
  readonly udpBytes: number
  readonly version: number
  /** The client wants DNSSEC records (RFC 3225). */
  readonly dnssecOk: boolean
}

/** A message that is answered with an error, or, without a code, not at all. */
export interface Refusal {
  readonly rcode?: Rcode
  /** Where the question ends, if it could be read. */
  readonly end: number
  readonly edns?: Edns
}

const NO_ANSWER: Refusal = { end: 0 }
/** Bytes of type and class. */
const QUESTION_TAIL = 4

/**
 * Reads a query with one question of class IN. Anything else is a refusal:
 * responses and fragments get no answer, so that nobody can make two servers talk.
 */
export function readQuery(message: Buffer): Query | Refusal {
  if (message.length < HEADER_BYTES) return NO_ANSWER
  const flags = message.readUInt16BE(2)
  if ((flags & FLAG.QR) !== 0) return NO_ANSWER
  if ((flags & FLAG.OPCODE) !== 0) return { rcode: RCODE.NOTIMP, end: HEADER_BYTES }
  const nameEnd = endOfName(message)
  if (message.readUInt16BE(4) !== 1 || nameEnd === 0) {
    return { rcode: RCODE.FORMERR, end: HEADER_BYTES }
  }
  const end = nameEnd + QUESTION_TAIL
  // All there is, in most queries: no other records.
  const others = message.readUInt32BE(6) + message.readUInt16BE(10)
  const edns = others === 0 ? undefined : readEdns(message, end)
  if (edns === 'malformed') return { rcode: RCODE.FORMERR, end }
  const type = message.readUInt16BE(nameEnd)
  const rcode = refusalOf(type, message.readUInt16BE(nameEnd + 2), edns)
  if (rcode !== undefined) return { rcode, end, ...(edns && { edns }) }
  // Bytes beyond ASCII would be changed too; no name of ours has any.
  const name = message.toString('latin1', HEADER_BYTES, nameEnd).toLowerCase()
  const query = { message, end, name, type, checkingDisabled: (flags & FLAG.CD) !== 0 }
  return edns === undefined ? query : { ...query, edns }
}

/** Greatest response the client takes over UDP. */
export function udpLimit({ edns }: { readonly edns?: Edns }): number {
  if (!edns) return PLAIN_UDP_BYTES
  return Math.min(MAX_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, edns.udpBytes))
}

function refusalOf(type: number, qclass: number, edns: Edns | undefined): Rcode | undefined {
  if (edns && edns.version > 0) return RCODE.BADVERS
  if (qclass !== CLASS_IN || type === TYPE.AXFR || type === TYPE.IXFR) return RCODE.REFUSED
  return type === TYPE.OPT ? RCODE.FORMERR : undefined
}

/** Where the name of the question ends; 0 when it does not, or is too long. Nothing to point to yet. */
function endOfName(message: Buffer): number {
  let at = HEADER_BYTES
  for (;;) {
    const length = message[at]
    if (length === undefined || length > 63) return 0
    at += 1 + length
    if (at - HEADER_BYTES > 255) return 0
    if (length === 0) return at + QUESTION_TAIL <= message.length ? at : 0
  }
}

/** The OPT record behind the question; more than one is an error (RFC 6891 section 6.1.1). */
function readEdns(message: Buffer, start: number): Edns | undefined | 'malformed' {
  const reader = new RecordReader(message, start)
  let edns: Edns | undefined
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  for (let n = 0; n < records; n++) {
    const record = reader.skim()
    if (record === undefined) return 'malformed'
    if (record.type !== TYPE.OPT) continue
    if (edns) return 'malformed'
    edns = {
      udpBytes: record.class,
      version: (record.ttl >>> 16) & 255,
      dnssecOk: (record.ttl & 0x8000) !== 0,
    }
  }
  return edns
}
