/**
 * Steps through the fields of one protobuf message without decoding more than is
 * asked for, so that a thousand watchers cost the load generator little.
 */
export class FieldReader {
  readonly #bytes: Buffer
  #at = 0

  /** Number of the field `next` came to. */
  field = 0
  /** Its value, when it is a varint. */
  varint = 0
  /** Its value, when it has a length: a string, bytes or a message. */
  content: Buffer | undefined

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false
    const tag = this.#readVarint()
    this.field = tag >>> 3
    this.content = undefined
    const wireType = tag & 7
    if (wireType === 0) this.varint = this.#readVarint()
    else if (wireType === 2) {
      const end = this.#readVarint() + this.#at
      this.content = this.#bytes.subarray(this.#at, end)
      this.#at = end
    } else if (wireType === 1 || wireType === 5) this.#at += wireType === 1 ? 8 : 4
    else throw new Error(`field ${this.field} has wire type ${wireType}, which proto3 does not use`)
    return true
  }

  #readVarint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
  }
}
