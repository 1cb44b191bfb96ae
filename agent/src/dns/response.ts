import type { Records } from './answer.ts'
import { FLAG, HEADER_BYTES, MAX_UDP_BYTES, type Rcode, TYPE } from './protocol.ts'
import type { Edns } from './query.ts'

const OPT_BYTES = 11
const SECTION_OFFSET = { answer: 6, authority: 8, additional: 10 } as const

/** How a response is begun. */
export interface ResponseStart {
  /** The query; its id, question and some of its flags are taken over. */
  readonly message: Buffer
  /** Where its question ends; the header's end when there is none to repeat. */
  readonly end: number
  readonly edns?: Edns
}

/**
 * One response, written into a buffer. Takes records as long as they fit; sections
 * in order. The question is a copy of the client's, so that the mix of cases in it
 * survives (draft-vixie-dnsext-dns0x20).
 */
export class Response {
  readonly #out: Buffer
  readonly #limit: number
  readonly #start: ResponseStart
  #flags: number
  #length: number

  /** `limit`: greatest length of the message, at most that of `out`. */
  constructor(out: Buffer, limit: number, start: ResponseStart) {
    this.#out = out
    this.#start = start
    this.#limit = limit - (start.edns ? OPT_BYTES : 0)
    const asked = start.message.readUInt16BE(2)
    this.#flags = FLAG.QR | (asked & (FLAG.OPCODE | FLAG.RD | FLAG.CD))
    start.message.copy(out, 0, 0, start.end)
    out.writeUInt16BE(start.end > HEADER_BYTES ? 1 : 0, 4)
    this.#length = start.end
    this.clear()
  }

  get length(): number {
    return this.#length
  }

  setFlag(flag: number): void {
    this.#flags |= flag
  }

  /**
   * Adds all records, beginning with the one at `first` and going round. Returns
   * whether all were added.
   */
  addAll(section: keyof typeof SECTION_OFFSET, { bytes, ends }: Records, first = 0): boolean {
    if (this.#length + bytes.length > this.#limit) return this.#addSome(section, bytes, ends, first)
    const start = first === 0 ? 0 : (ends[first - 1] ?? 0)
    bytes.copy(this.#out, this.#length, start)
    if (start > 0) bytes.copy(this.#out, this.#length + bytes.length - start, 0, start)
    this.#length += bytes.length
    this.#count(section, ends.length)
    return true
  }

  /** Adds a record. Returns whether it fitted. */
  add(section: keyof typeof SECTION_OFFSET, record: Uint8Array): boolean {
    if (this.#length + record.length > this.#limit) return false
    this.#out.set(record, this.#length)
    this.#length += record.length
    this.#count(section, 1)
    return true
  }

  /** Takes every record out again. */
  clear(): void {
    this.#length = this.#start.end
    // Two writes cost less than a fill.
    this.#out.writeUInt32BE(0, SECTION_OFFSET.answer)
    this.#out.writeUInt16BE(0, SECTION_OFFSET.additional)
  }

  /** Writes what is left, the OPT record included; the length of the message. */
  finish(rcode: Rcode): number {
    const { edns } = this.#start
    const out = this.#out
    if (edns) {
      out[this.#length] = 0
      out.writeUInt16BE(TYPE.OPT, this.#length + 1)
      out.writeUInt16BE(MAX_UDP_BYTES, this.#length + 3)
      out.writeUInt8(rcode >> 4, this.#length + 5)
      out.writeUInt8(0, this.#length + 6)
      out.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, this.#length + 7)
      out.writeUInt16BE(0, this.#length + 9)
      this.#length += OPT_BYTES
      this.#count('additional', 1)
    }
    out.writeUInt16BE(this.#flags | (rcode & 15), 2)
    return this.#length
  }

  #addSome(
    section: keyof typeof SECTION_OFFSET,
    bytes: Buffer,
    ends: readonly number[],
    first: number,
  ): boolean {
    for (let n = 0; n < ends.length; n++) {
      const record = (first + n) % ends.length
      const start = record === 0 ? 0 : (ends[record - 1] ?? 0)
      if (!this.add(section, bytes.subarray(start, ends[record]))) return false
    }
    return true
  }

  #count(section: keyof typeof SECTION_OFFSET, records: number): void {
    const at = SECTION_OFFSET[section]
    this.#out.writeUInt16BE(this.#out.readUInt16BE(at) + records, at)
  }
}
