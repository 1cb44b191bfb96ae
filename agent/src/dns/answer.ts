import { addressBytes, typeOfAddress } from './address.ts'
import { type Name, suffixesOf } from './name.ts'
import { CLASS_IN, HEADER_BYTES, TYPE } from './protocol.ts'
import type { ZoneRecord } from './service-records.ts'

/** Records in wire form, ready to be copied behind the question they answer. */
export interface Records {
  readonly bytes: Buffer
  /** Where each record ends. */
  readonly ends: readonly number[]
}

/** The answer to one question. */
export interface Answer {
  readonly answer: Records
  /** For the additional section. */
  readonly glue: Records
}

const NO_RECORDS: Records = { bytes: Buffer.alloc(0), ends: [] }

/**
 * Encodes records of one name and type as the answer to the question for them.
 * Owner names are pointers into the question, so the bytes are good for that
 * question only. Names in the data stay whole: RFC 2782 forbids to compress the
 * target of an SRV record, and resolvers hold others to it.
 */
export function encodeAnswer(
  name: Name,
  records: readonly ZoneRecord[],
  ttlSeconds: number,
): Answer {
  const glue = new Map<string, Buffer>()
  for (const record of records) {
    if (record.type !== TYPE.SRV && record.type !== TYPE.NS) continue
    for (const address of record.glue) {
      const key = `${record.target} ${address}`
      if (glue.has(key)) continue
      const owner = ownerIn(name, record.target)
      const type = typeOfAddress(address)
      glue.set(key, resourceRecord(owner, type, ttlSeconds, addressBytes(address)))
    }
  }
  const answer = encodeRecords(QUESTION_OWNER, records, ttlSeconds)
  return { answer: joined(answer), glue: joined([...glue.values()]) }
}

/** Encodes records of one owner, each by itself. */
export function encodeRecords(
  owner: Uint8Array,
  records: readonly ZoneRecord[],
  ttlSeconds: number,
): Buffer[] {
  return records.map((record) => {
    const ttl = record.type === TYPE.TXT ? record.ttlSeconds : ttlSeconds
    return resourceRecord(owner, record.type, ttl, rdataOf(record))
  })
}

/** A record in wire form (RFC 1035 section 3.2.1). */
export function resourceRecord(
  owner: Uint8Array,
  type: number,
  ttlSeconds: number,
  rdata: Uint8Array,
): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(CLASS_IN, 2)
  fixed.writeUInt32BE(ttlSeconds, 4)
  fixed.writeUInt16BE(rdata.length, 8)
  return Buffer.concat([owner, fixed, rdata])
}

/** A name in the data of a record. */
export const nameBytes = (name: Name): Buffer => Buffer.from(name, 'latin1')

/** An owner name that is the name of the question. */
export const QUESTION_OWNER: Buffer = pointer(HEADER_BYTES)

/** A name, as far as possible by a pointer to the end of the name in the question. */
export function ownerIn(question: Name, name: Name): Buffer {
  for (const suffix of suffixesOf(name)) {
    // Names of the zone have no control characters in their labels: a suffix that
    // matches begins where a label begins.
    if (suffix.length < 2 || !question.endsWith(suffix)) continue
    const at = HEADER_BYTES + question.length - suffix.length
    const own = nameBytes(name.slice(0, name.length - suffix.length))
    return Buffer.concat([own, pointer(at)])
  }
  return nameBytes(name)
}

/** A compression pointer (RFC 1035 section 4.1.4). */
function pointer(offset: number): Buffer {
  return Buffer.of(0xc0 | (offset >> 8), offset & 255)
}

function rdataOf(record: ZoneRecord): Buffer {
  switch (record.type) {
    case TYPE.A:
    case TYPE.AAAA:
      return addressBytes(record.address)
    case TYPE.SRV: {
      // Priority 0: all targets are equal.
      const fixed = Buffer.alloc(6)
      fixed.writeUInt16BE(record.weight, 2)
      fixed.writeUInt16BE(record.port, 4)
      return Buffer.concat([fixed, nameBytes(record.target)])
    }
    case TYPE.TXT:
      return Buffer.concat([Buffer.of(record.text.length), Buffer.from(record.text, 'latin1')])
    case TYPE.PTR:
    case TYPE.CNAME:
    case TYPE.NS:
      return nameBytes(record.target)
    default:
      return Buffer.alloc(0)
  }
}

function joined(records: readonly Buffer[]): Records {
  if (records.length === 0) return NO_RECORDS
  const ends: number[] = []
  let end = 0
  for (const record of records) {
    end += record.length
    ends.push(end)
  }
  return { bytes: Buffer.concat(records), ends }
}
