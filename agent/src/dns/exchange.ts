import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import type { HostPort } from './host-port.ts'
import { frame, MessageReader } from './tcp-framing.ts'

/** Tells a response to our query from what others may send. */
type Check = (response: Buffer) => boolean

/**
 * Asks a server over UDP, from a socket, and so a port, of its own. Undefined when
 * it cannot be reached or the signal aborts.
 */
export function askUdp(
  { host, port }: HostPort,
  query: Buffer,
  isOurs: Check,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const end = (response?: Buffer) => {
      signal.removeEventListener('abort', abort)
      socket.removeAllListeners()
      // Closing may find an error that is of no interest any more.
      socket.on('error', () => undefined)
      socket.close()
      resolve(response)
    }
    const abort = () => end()
    if (signal.aborted) return end()
    signal.addEventListener('abort', abort)
    socket.on('error', abort)
    socket.on('message', (response) => {
      if (isOurs(response)) end(response)
    })
    // Its types do not say so: without a route there, Node calls back with the error.
    const onConnected = (error?: Error) => (error ? end() : socket.send(query))
    socket.connect(port, host, onConnected)
  })
}

/** Asks a server over TCP. Undefined when it cannot be reached or the signal aborts. */
export function askTcp(
  { host, port }: HostPort,
  query: Buffer,
  isOurs: Check,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (response?: Buffer) => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      resolve(response)
    }
    const abort = () => end()
    if (signal.aborted) return end()
    signal.addEventListener('abort', abort)
    socket.on('error', abort)
    socket.on('close', abort)
    const reader = new MessageReader((response) => {
      if (isOurs(response)) end(response)
    })
    socket.on('data', (chunk: Buffer) => reader.push(chunk))
    socket.write(frame(query))
  })
}
