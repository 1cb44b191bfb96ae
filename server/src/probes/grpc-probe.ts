import { connect, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2'
import { status as grpcStatus } from '@grpc/grpc-js'
import { HealthDefinition } from 'nice-grpc-server-health'
import { type Address, printAddress } from './address.ts'
import { type AttemptLimits, attempt } from './attempt.ts'
import { answeredWrong, failed, type Outcome, succeeded } from './outcome.ts'

const { requestType, responseType } = HealthDefinition.methods.check
const SERVING = 1
const NOT_SERVING = 2

/** A message comes after one byte of flags and four of length (gRPC over HTTP/2, Length-Prefixed-Message). */
const PREFIX_BYTES = 5
const MAX_ANSWER_BYTES = 1024

/**
 * Whether grpc.health.v1.Health/Check answers SERVING (grpc/grpc
 * doc/health-checking.md). One call on an HTTP/2 session of its own: a channel of
 * grpc-js leaves a connection attempt alone when it is closed, and a probe must
 * leave no socket behind.
 */
export function probeGrpc(
  address: Address,
  service: string,
  limits: AttemptLimits,
): Promise<Outcome> {
  const what = `grpc health of ${service === '' ? 'server' : service} at ${printAddress(address)}`
  return attempt(what, limits, (settle) => {
    const session = connect(`http://${printAddress(address)}`)
    session.on('error', (error) => settle(failed(what, error)))
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'grpc-timeout': `${Math.min(limits.timeoutMs, 99_999_999)}m`,
      'user-agent': 'roster-probe',
      te: 'trailers',
    })
    let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {}
    let trailers: IncomingHttpHeaders = {}
    let body = Buffer.alloc(0)
    stream.on('response', (received) => {
      headers = received
    })
    stream.on('trailers', (received) => {
      trailers = received
    })
    stream.on('data', (chunk: Buffer) => {
      body = Buffer.concat([body, chunk])
      if (body.length > MAX_ANSWER_BYTES) {
        settle(answeredWrong(what, 'MalformedAnswer', 'the answer is too long'))
      }
    })
    // A stream that ends with its connection names the cause apart.
    stream.on('error', (error) => settle(failed(what, error.cause ?? error)))
    // Every end without an error comes through here, that of the connection too.
    stream.on('close', () => settle(judge(what, { ...headers, ...trailers }, body)))
    stream.end(framed(requestType.encode({ service }).finish()))
    return () => session.destroy()
  })
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}

function judge(
  what: string,
  headers: IncomingHttpHeaders & IncomingHttpStatusHeader,
  body: Buffer,
): Outcome {
  const httpStatus = headers[':status']
  if (httpStatus === undefined) {
    return answeredWrong(what, 'ConnectionReset', 'connection closed without an answer')
  }
  if (headers['grpc-status'] === undefined) {
    return answeredWrong(what, 'MalformedAnswer', `answered HTTP ${httpStatus} and no gRPC status`)
  }
  const code = Number(headers['grpc-status'])
  if (code !== grpcStatus.OK) {
    const detail = code === grpcStatus.UNIMPLEMENTED ? ': it has no grpc.health.v1.Health' : ''
    const name = grpcStatus[code] ?? code
    return answeredWrong(what, 'GRPCStatus', `answered ${name}${detail}`)
  }
  const { status } = responseType.decode(body.subarray(PREFIX_BYTES))
  if (status === SERVING) return succeeded(what, 'answered SERVING')
  const answer = status === NOT_SERVING ? 'NOT_SERVING' : `serving status ${status}`
  return answeredWrong(what, 'NotServing', `answered ${answer}`)
}
