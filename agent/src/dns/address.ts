import { isIPv4, isIPv6 } from 'node:net'
import { label, type Name } from './name.ts'
import { TYPE } from './protocol.ts'

const IN_ADDR = `${label('in-addr')}${label('arpa')}\0`
const IP6 = `${label('ip6')}${label('arpa')}\0`

/** Type of the record that holds an address. */
export const typeOfAddress = (address: string): number => (isIPv4(address) ? TYPE.A : TYPE.AAAA)

/** The bytes of an IPv4 or IPv6 address. Throws for anything else. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  if (!isIPv6(address)) throw new Error(`${address} is no IP address`)
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(address)?.[0]
  const hex = dotted === undefined ? address : address.slice(0, -dotted.length) + hexOf(dotted)
  const [head = '', tail] = hex.replace(/%.*$/, '').split('::')
  const left = groupsOf(head)
  const right = groupsOf(tail ?? '')
  const zeros = new Array<number>(8 - left.length - right.length).fill(0)
  return Buffer.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 255]))
}

/** `4.3.2.1.in-addr.arpa` of 1.2.3.4 (RFC 1035 section 3.5); 32 nibbles for IPv6 (RFC 3596). */
export function reverseName(address: string): Name {
  const bytes = addressBytes(address)
  return nameOf(labelsOf(bytes), bytes.length)
}

/**
 * The reverse zones that make up a network: one where its prefix ends between two
 * labels, else all those it consists of.
 */
export function reverseZones(cidr: string): Name[] {
  const [address = '', length = ''] = cidr.split('/')
  const bytes = addressBytes(address)
  const bitsPerLabel = bytes.length === 4 ? 8 : 4
  const prefix = Number(length)
  const labels = Math.ceil(prefix / bitsPerLabel)
  const free = labels * bitsPerLabel - prefix
  const values = labelsOf(bytes)
  const last = (values[labels - 1] ?? 0) & ~(2 ** free - 1)
  return Array.from({ length: 2 ** free }, (_, n) => {
    const zone = labels === 0 ? [] : [...values.slice(0, labels - 1), last + n]
    return nameOf(zone, bytes.length)
  })
}

/** One number per label of the reverse name, the most significant first. */
const labelsOf = (bytes: Buffer): number[] =>
  bytes.length === 4 ? [...bytes] : [...bytes].flatMap((byte) => [byte >> 4, byte & 15])

function nameOf(values: readonly number[], addressLength: number): Name {
  const isV4 = addressLength === 4
  const labels = values.toReversed().map((value) => label(value.toString(isV4 ? 10 : 16)))
  return labels.join('') + (isV4 ? IN_ADDR : IP6)
}

const groupsOf = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))

function hexOf(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
