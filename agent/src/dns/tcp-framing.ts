const LENGTH_BYTES = 2

/** A message as it goes over TCP: its length before it (RFC 1035 section 4.2.2). */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(LENGTH_BYTES + message.length)
  framed.writeUInt16BE(message.length)
  framed.set(message, LENGTH_BYTES)
  return framed
}

/** Finds the messages in a stream of bytes. Holds one unfinished message at most. */
export class MessageReader {
  readonly #onMessage: (message: Buffer) => void
  #parts: Buffer[] = []
  #length = 0
  /** Bytes the first message takes, its length included; of that only the length is certain yet. */
  #wanted = LENGTH_BYTES

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage
  }

  push(chunk: Buffer): void {
    this.#parts.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#wanted) return
    let bytes = Buffer.concat(this.#parts)
    while (bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + bytes.readUInt16BE(0)
      if (bytes.length < end) break
      this.#onMessage(bytes.subarray(LENGTH_BYTES, end))
      bytes = bytes.subarray(end)
    }
    this.#parts = [bytes]
    this.#length = bytes.length
    this.#wanted = LENGTH_BYTES + (bytes.length < LENGTH_BYTES ? 0 : bytes.readUInt16BE(0))
  }
}
