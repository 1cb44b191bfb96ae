import { isIPv4, isIPv6 } from 'node:net'
import type { IPFamily } from './service.ts'

/** Bits of an address, by family. */
const WIDTH: Readonly<Record<IPFamily, number>> = { IPv4: 32, IPv6: 128 }

/** An IP address as a number, so that ranges are arithmetic. */
export interface IpAddress {
  readonly family: IPFamily
  readonly value: bigint
}

/** A network in CIDR form, host bits cleared. */
export interface Cidr {
  readonly family: IPFamily
  /** The network address. */
  readonly base: bigint
  readonly prefixLength: number
  /** How many addresses it spans, network and broadcast address included. */
  readonly size: bigint
}

/** Reads an address; undefined if it is none. Zones (`fe80::1%eth0`) and leading zeros are refused. */
export const parseIp = (text: string): IpAddress | undefined => {
  if (isIPv4(text)) return { family: 'IPv4', value: valueOfIPv4(text) }
  if (isIPv6(text) && !text.includes('%')) return { family: 'IPv6', value: valueOfIPv6(text) }
  return undefined
}

/** The family of an address; undefined if it is none. */
export const familyOf = (text: string): IPFamily | undefined => parseIp(text)?.family

/** Canonical text: dotted decimal, or RFC 5952 for IPv6. */
export const formatIp = ({ family, value }: IpAddress): string =>
  family === 'IPv4' ? formatIPv4(value) : formatIPv6(value)

/** Reads `address/prefix-length`; undefined if it is none. Host bits may be set and are cleared. */
export const parseCidr = (text: string): Cidr | undefined => {
  const [, address = '', length = ''] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? []
  const ip = parseIp(address)
  const prefixLength = Number(length)
  if (!ip || prefixLength > WIDTH[ip.family]) return undefined
  const size = 1n << BigInt(WIDTH[ip.family] - prefixLength)
  return { family: ip.family, base: ip.value - (ip.value % size), prefixLength, size }
}

/** Canonical text of a network. */
export const formatCidr = (cidr: Cidr): string =>
  `${formatIp({ family: cidr.family, value: cidr.base })}/${cidr.prefixLength}`

/** Whether a network holds an address. */
export const contains = (cidr: Cidr, ip: IpAddress): boolean =>
  ip.family === cidr.family && ip.value >= cidr.base && ip.value < cidr.base + cidr.size

/** What is wrong with a text as an address, in Kubernetes' words; [] when nothing is. */
export const ipProblems = (text: string): string[] => {
  const ip = parseIp(text)
  if (!ip) return ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']
  return contains(MAPPED, ip) ? ['must not be an IPv4-mapped IPv6 address'] : []
}

/** What is wrong with a text as a network, in Kubernetes' words; [] when nothing is. */
export const cidrProblems = (text: string): string[] =>
  parseCidr(text) ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']

/**
 * Why a valid address cannot be reached from other nodes, in Kubernetes' words
 * (core/v1 ValidateNonSpecialIP); [] when it can.
 */
export const specialIpProblems = (text: string): string[] => {
  const ip = parseIp(text)
  if (!ip) return ['must be a valid IP address']
  if (ip.value === 0n) return [`may not be unspecified (${text})`]
  const found = SPECIAL.find(({ networks }) => networks.some((network) => contains(network, ip)))
  return found ? [found.problem] : []
}

const network = (text: string): Cidr => {
  const cidr = parseCidr(text)
  if (!cidr) throw new Error(`${text} is not a network`)
  return cidr
}

const MAPPED = network('::ffff:0:0/96')

// The texts name the multicast range ff02::/10, as Kubernetes does; link-local
// multicast is ff02::/16 (RFC 4291 section 2.7), and that is what is checked.
const SPECIAL = [
  {
    networks: [network('127.0.0.0/8'), network('::1/128')],
    problem: 'may not be in the loopback range (127.0.0.0/8, ::1/128)',
  },
  {
    networks: [network('169.254.0.0/16'), network('fe80::/10')],
    problem: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)',
  },
  {
    networks: [network('224.0.0.0/24'), network('ff02::/16')],
    problem: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  },
] as const

function valueOfIPv4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function valueOfIPv6(text: string): bigint {
  const dotted = text.includes('.') ? text.slice(text.lastIndexOf(':') + 1) : ''
  const hex = dotted === '' ? text : text.slice(0, -dotted.length) + hexOf(dotted)
  const [head = '', tail = ''] = hex.split('::')
  const left = groupsOf(head)
  const right = groupsOf(tail)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0n)
  return [...left, ...zeros, ...right].reduce((sum, group) => sum * 65_536n + group, 0n)
}

/** `1.2.3.4` as the two hexadecimal groups `102:304`. */
function hexOf(dotted: string): string {
  const value = valueOfIPv4(dotted)
  return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`
}

function groupsOf(half: string): bigint[] {
  return half === '' ? [] : half.split(':').map((group) => BigInt(`0x${group}`))
}

function formatIPv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
}

function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn)
  const { start, length } = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** The first longest run of zero groups (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, i) => {
    if (group !== 0n) start = i + 1
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start }
  })
  return best
}
