import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'

/**
 * The address of this machine on the way to a registry, which may be written as
 * any target of grpc-js (`host:port`, `dns:///host:port`, `ipv4:…`, `unix:…`): the
 * one others behind that way can reach it at, most likely. Connecting a UDP socket
 * makes the kernel choose; nothing is sent. Fails as the lookup of the host does, or
 * with ENETUNREACH where there is no way there.
 */
export async function localAddressToward(registry: string): Promise<string> {
  if (/^unix(-abstract)?:/.test(registry)) return '127.0.0.1'
  const [first = ''] = registry.replace(/^(dns|ipv4|ipv6):(\/\/[^/]*\/)?/, '').split(',')
  const match = /^\[?(.*?)\]?:(\d+)$/.exec(first)
  const { address, family } = await lookup(match?.[1] ?? first)
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4').unref()
  try {
    socket.connect(Number(match?.[2] ?? 1), address)
    await once(socket, 'connect')
    return socket.address().address
  } finally {
    socket.close()
  }
}
