import type { Name } from './name.ts'
import { TYPE } from './protocol.ts'

/** The fixed part of a record. */
interface RecordHead {
  readonly type: number
  readonly class: number
  readonly ttl: number
}

/** A record of a message, all names in it written out. */
export interface ResourceRecord extends RecordHead {
  readonly name: Name
  readonly data: Buffer
}

const MAX_NAME_BYTES = 255
const MAX_POINTERS = 64
/** The first byte of what is no label: lengths end before it, pointers begin at the other. */
const NO_LABEL = 0x40
const POINTER = 0xc0

/** For types whose data may hold compressed names (RFC 3597 section 4): bytes before, names. */
const NAMES_IN_DATA: Readonly<Record<number, readonly [before: number, names: number]>> = {
  [TYPE.NS]: [0, 1],
  [TYPE.CNAME]: [0, 1],
  [TYPE.PTR]: [0, 1],
  [TYPE.DNAME]: [0, 1],
  [TYPE.MX]: [2, 1],
  [TYPE.SRV]: [6, 1],
  [TYPE.SOA]: [0, 2],
}

/** Reads the records of a message, one after the other. Trusts nothing in it. */
export class RecordReader {
  readonly #message: Buffer
  #at: number

  constructor(message: Buffer, at: number) {
    this.#message = message
    this.#at = at
  }

  /** The fixed part of the next record; undefined when there is none, or not a whole one. */
  skim(): RecordHead | undefined {
    if (!this.#skipName()) return undefined
    return this.#skipRest()
  }

  /** The next record; undefined when there is none that can be read. */
  read(): ResourceRecord | undefined {
    const name = this.#nameAt(this.#at)
    if (name === undefined) return undefined
    this.#at = name.end
    const head = this.#skipRest()
    if (head === undefined) return undefined
    const length = this.#message.readUInt16BE(name.end + 8)
    const data = this.#data(head.type, name.end + 10, length)
    return data && { ...head, name: name.name, data }
  }

  /** Type to the end of the data. */
  #skipRest(): RecordHead | undefined {
    const at = this.#at
    if (at + 10 > this.#message.length) return undefined
    const end = at + 10 + this.#message.readUInt16BE(at + 8)
    if (end > this.#message.length) return undefined
    this.#at = end
    return {
      type: this.#message.readUInt16BE(at),
      class: this.#message.readUInt16BE(at + 2),
      ttl: this.#message.readUInt32BE(at + 4),
    }
  }

  #skipName(): boolean {
    for (;;) {
      const length = this.#message[this.#at]
      if (length === undefined) return false
      if (length >= POINTER) {
        this.#at += 2
        return true
      }
      if (length >= NO_LABEL) return false
      this.#at += 1 + length
      if (length === 0) return true
    }
  }

  /** A name, its pointers followed; undefined when it is none. */
  #nameAt(start: number): { readonly name: Name; readonly end: number } | undefined {
    let name = ''
    let end: number | undefined
    let at = start
    for (let pointers = 0; pointers <= MAX_POINTERS; ) {
      const length = this.#message[at] ?? NO_LABEL
      if (length >= POINTER) {
        end ??= at + 2
        at = ((length & 0x3f) << 8) | (this.#message[at + 1] ?? 0)
        pointers++
        continue
      }
      const next = at + 1 + length
      const isLabel = length < NO_LABEL && next <= this.#message.length
      if (!isLabel || name.length + 1 + length > MAX_NAME_BYTES) return undefined
      name += this.#message.toString('latin1', at, next)
      at = next
      if (length === 0) return { name, end: end ?? at }
    }
    return undefined
  }

  /** The data of a record, names in it written out; undefined when they cannot be. */
  #data(type: number, start: number, length: number): Buffer | undefined {
    const end = start + length
    const [before, names] = NAMES_IN_DATA[type] ?? [0, 0]
    if (names === 0) return this.#message.subarray(start, end)
    const parts = [this.#message.subarray(start, start + before)]
    let at = start + before
    for (let n = 0; n < names; n++) {
      const name = this.#nameAt(at)
      if (name === undefined || name.end > end) return undefined
      parts.push(Buffer.from(name.name, 'latin1'))
      at = name.end
    }
    return Buffer.concat([...parts, this.#message.subarray(at, end)])
  }
}
