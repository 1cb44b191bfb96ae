import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'

/**
 * The address this machine uses toward a registry at `host:port`: connecting a
 * UDP socket makes the system choose one and sends nothing. Undefined when there
 * is no way there.
 */
export async function addressToward(registry: string): Promise<string | undefined> {
  const colon = registry.lastIndexOf(':')
  const host = registry.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.connect(Number(registry.slice(colon + 1)), host, resolve)
    })
    return socket.address().address
  } catch {
    // No route or no such host: the caller asks for an address instead.
    return undefined
  } finally {
    socket.close()
  }
}
