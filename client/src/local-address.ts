import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'

/**
 * The address of this machine on the way to another: the one others behind that
 * way can reach it at, most likely. Connecting a UDP socket makes the kernel
 * choose; nothing is sent.
 */
export async function localAddressToward(remote: string): Promise<string> {
  const match = /^\[?(.*?)\]?:(\d+)$/.exec(remote)
  const host = match?.[1] ?? remote
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4').unref()
  try {
    socket.connect(Number(match?.[2] ?? 1), host)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}
