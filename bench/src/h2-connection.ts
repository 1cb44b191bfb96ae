import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Receives what a server sends on one stream. */
export interface StreamListener {
  /** One gRPC message. The bytes are only good until this returns: copy what must stay. */
  onMessage(message: Buffer): void
  /** Nothing more comes. */
  onEnd(): void
}

// RFC 9113, section 6.
const DATA = 0x0
const HEADERS = 0x1
const RST_STREAM = 0x3
const SETTINGS = 0x4
const PING = 0x6
const GOAWAY = 0x7
const WINDOW_UPDATE = 0x8
const FLAG_ACK = 0x1
const FLAG_END_STREAM = 0x1
const FLAG_END_HEADERS = 0x4
const FRAME_HEADER_BYTES = 9
const MAX_WINDOW_BYTES = 2 ** 31 - 1
const DEFAULT_WINDOW_BYTES = 65_535

const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  // SETTINGS_ENABLE_PUSH (2) = 0, SETTINGS_INITIAL_WINDOW_SIZE (4) = the most there is.
  frame(SETTINGS, 0, 0, Buffer.from([0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff])),
  frame(WINDOW_UPDATE, 0, 0, uint32(MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES)),
])

// One for all connections: each read is used up before the next begins.
const readBuffer = Buffer.allocUnsafe(256 * 1024)
const nothing = Buffer.alloc(0)

/**
 * The client half of HTTP/2 with gRPC framing, and no more of it than a load
 * generator needs (RFC 9113; gRPC over HTTP/2). It costs about a tenth of
 * node:http2, so that on a small machine what is measured is the server. Response
 * headers are not read: a unary call has failed when it ends without a message.
 */
export class H2Connection {
  readonly #socket: Socket
  readonly #streams = new Map<number, OpenStream>()
  #nextStreamId = 1
  #rest = nothing
  #receivedBytes = 0
  #corked = false
  #closed = false

  private constructor(host: string, port: number) {
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (bytes, buffer) => this.#onRead(Buffer.from(buffer.buffer, 0, bytes)),
      },
    })
  }

  /** Connects to `host:port`, in clear text. */
  static async open(address: string): Promise<H2Connection> {
    const colon = address.lastIndexOf(':')
    const connection = new H2Connection(address.slice(0, colon), Number(address.slice(colon + 1)))
    await once(connection.#socket, 'connect')
    connection.#socket.on('error', () => connection.close())
    connection.#socket.on('close', () => connection.close())
    connection.#socket.write(preface)
    return connection
  }

  /**
   * Begins a call and half-closes it after the one request, or leaves it open for
   * more: a bidi stream. `headers` comes from requestHeaders.
   */
  call(headers: Buffer, request: Buffer, listener: StreamListener, end: 'half-close' | 'open') {
    const id = this.#nextStreamId
    this.#nextStreamId += 2
    this.#streams.set(id, { listener, rest: nothing })
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frame(HEADERS, FLAG_END_HEADERS, id, headers))
    this.#socket.write(frame(DATA, end === 'open' ? 0 : FLAG_END_STREAM, id, grpcFrame(request)))
  }

  /** Ends all streams and the connection. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    for (const id of [...this.#streams.keys()]) this.#endStream(id)
  }

  #onRead(chunk: Buffer): boolean {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + bytes.readUIntBE(at, 3)
      if (end > bytes.length) break
      this.#onFrame(bytes, at, end)
      at = end
    }
    this.#rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at))
    return true
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3]
    const flags = bytes.readUInt8(start + 4)
    const id = bytes.readUInt32BE(start + 5)
    const payload = bytes.subarray(start + FRAME_HEADER_BYTES, end)
    if (type === DATA) this.#onData(id, payload)
    else if (type === SETTINGS && !(flags & FLAG_ACK)) {
      this.#socket.write(frame(SETTINGS, FLAG_ACK, 0, nothing))
    } else if (type === PING && !(flags & FLAG_ACK)) {
      this.#socket.write(frame(PING, FLAG_ACK, 0, Buffer.from(payload)))
    } else if (type === GOAWAY) this.close()

    const ends = (type === DATA || type === HEADERS) && flags & FLAG_END_STREAM
    if (ends || type === RST_STREAM) this.#endStream(id)
  }

  #onData(id: number, payload: Buffer): void {
    this.#receivedBytes += payload.length
    if (this.#receivedBytes > MAX_WINDOW_BYTES / 2) {
      this.#socket.write(frame(WINDOW_UPDATE, 0, 0, uint32(this.#receivedBytes)))
      this.#receivedBytes = 0
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const bytes = stream.rest.length === 0 ? payload : Buffer.concat([stream.rest, payload])
    let at = 0
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1)
      if (end > bytes.length) break
      stream.listener.onMessage(bytes.subarray(at + 5, end))
      at = end
    }
    stream.rest = at === bytes.length ? nothing : Buffer.from(bytes.subarray(at))
  }

  #endStream(id: number): void {
    const stream = this.#streams.get(id)
    this.#streams.delete(id)
    stream?.listener.onEnd()
  }
}

interface OpenStream {
  readonly listener: StreamListener
  rest: Buffer
}

/** The request headers of a gRPC method, encoded once (RFC 7541, section 6.2.2: literals). */
export function requestHeaders(path: string): Buffer {
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ]
  return Buffer.concat(
    fields.flatMap(([name = '', value = '']) => [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]),
  )
}

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(streamId, 5)
  payload.copy(bytes, FRAME_HEADER_BYTES)
  return bytes
}

function grpcFrame(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0]), uint32(message.length), message])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(value)
  return bytes
}
