import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet'
import type { DnsEndpoint, DnsService } from '../../agent/src/dns/dns-service.ts'
import { Responder } from '../../agent/src/dns/responder.ts'
import { Zone, type ZoneOptions } from '../../agent/src/dns/zone.ts'

/** A service of namespace `demo` as DNS knows it. */
export const dnsService = (name: string, own: Partial<DnsService> = {}): DnsService => ({
  namespace: 'demo',
  name,
  clusterIps: [],
  externalName: '',
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
  endpoints: [],
  ...own,
})

/** A ready pod with port http at 8080. */
export const dnsEndpoint = (address: string, own: Partial<DnsEndpoint> = {}): DnsEndpoint => ({
  hostname: '',
  addresses: [address],
  ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  isPod: true,
  ...own,
})

/** A zone with services, and a responder for it. */
export function dnsWorld(
  services: readonly DnsService[],
  options: Partial<ZoneOptions> & {
    readonly isSynced?: () => boolean
    readonly isRecursive?: boolean
  } = {},
) {
  const { isSynced = () => true, isRecursive = false, ...zoneOptions } = options
  const zone = new Zone({
    clusterDomain: 'cluster.local',
    ttlSeconds: 5,
    reverseZones: ['127.96.0.0/16'],
    ...zoneOptions,
  })
  for (const service of services) zone.put(service)
  const responder = new Responder(zone, { isSynced, isRecursive })
  return { zone, responder }
}

/** A query in wire form, by a library that is not ours. */
export const queryFor = (type: string, name: string, own: Packet = {}): Buffer =>
  encode({
    type: 'query',
    id: 4711,
    questions: [{ type: type as 'A', name }],
    ...own,
  })

/** EDNS, for the `additionals` of a query. */
export const edns = (udpPayloadSize: number, own: { readonly ednsVersion?: number } = {}) => ({
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion: own.ednsVersion ?? 0,
  flags: 0,
  flag_do: false,
  options: [],
})

export interface Told {
  readonly rcode: string
  readonly flags: readonly string[]
  /** Records as `type data`, in the order of the message. */
  readonly answers: readonly string[]
  readonly authorities: readonly string[]
  readonly additionals: readonly string[]
  readonly packet: DecodedPacket
  readonly bytes: number
}

/** What the responder says, read by a library that is not ours. */
export function ask(responder: Responder, message: Buffer, transport: 'udp' | 'tcp' = 'udp'): Told {
  const out = Buffer.alloc(65_535)
  const length = responder.respond(message, out, transport)
  if (typeof length !== 'number') throw new Error('it is to be asked of others')
  return told(out.subarray(0, length))
}

function told(message: Buffer): Told {
  const packet = decode(message)
  const flags = (['aa', 'tc', 'rd', 'ra', 'cd'] as const).filter((name) => packet[`flag_${name}`])
  const words = (records: readonly unknown[] | undefined) => (records ?? []).map(wordsOf)
  return {
    rcode: (packet as unknown as { rcode: string }).rcode,
    flags,
    answers: words(packet.answers),
    authorities: words(packet.authorities),
    additionals: words(packet.additionals),
    packet,
    bytes: message.length,
  }
}

function wordsOf(record: unknown): string {
  const { type, data, name } = record as { type: string; name: string; data?: unknown }
  if (type === 'SRV') {
    const { priority, weight, port, target } = data as Record<string, unknown>
    return `SRV ${priority} ${weight} ${port} ${target}`
  }
  if (type === 'SOA') return `SOA ${name}`
  if (type === 'OPT') return 'OPT'
  return `${type} ${data}`
}

/** Asks a server over UDP. */
export async function askUdp(port: number, message: Buffer): Promise<Told> {
  const socket = createSocket('udp4')
  socket.send(message, port, '127.0.0.1')
  const [response] = await once(socket, 'message')
  socket.close()
  return told(response)
}

/** Sends messages down one TCP connection, and returns as many responses as they come. */
export async function askTcp(port: number, messages: readonly Buffer[]): Promise<Told[]> {
  const socket = connect(port, '127.0.0.1')
  const framed = messages.map((message) => {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(message.length)
    return Buffer.concat([length, message])
  })
  socket.write(Buffer.concat(framed))
  let bytes = Buffer.alloc(0)
  const responses: Told[] = []
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length > 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const end = 2 + bytes.readUInt16BE(0)
      responses.push(told(bytes.subarray(2, end)))
      bytes = bytes.subarray(end)
    }
    if (responses.length === messages.length) break
  }
  socket.destroy()
  return responses
}
