import { isIP } from 'node:net'
import { addressBytes } from '../../dns/address.ts'

/** Neighbouring addresses. */
interface Range {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

/**
 * The addresses a pool gives out: networks (`192.0.2.0/28`, without the network and
 * the broadcast address) and ranges (`192.0.2.10-192.0.2.20`), with commas between.
 */
export class AddressPool {
  readonly #ranges: readonly Range[]
  readonly #text: string

  /** Throws for text that is neither. */
  constructor(text: string) {
    this.#text = text
    this.#ranges = text.split(',').map((part) => rangeFrom(part.trim()))
  }

  toString(): string {
    return this.#text
  }

  has(address: string): boolean {
    const family = isIP(address)
    if (family === 0) return false
    const number = numberOf(address)
    return this.#ranges.some(
      (range) => range.family === family && number >= range.first && number <= range.last,
    )
  }

  /**
   * A free address for a name; undefined when none is left. Begins to look at a place
   * given by the name, so that a service that comes back finds its address again and
   * two agents that choose at once choose alike.
   */
  choose(name: string, family: 4 | 6, isTaken: (address: string) => boolean): string | undefined {
    const ranges = this.#ranges.filter((range) => range.family === family)
    const size = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n)
    if (size === 0n) return undefined
    const start = BigInt(hashOf(name)) % size
    for (let step = 0n; step < size; step++) {
      const address = at(ranges, (start + step) % size)
      if (!isTaken(address)) return address
    }
    return undefined
  }
}

function rangeFrom(text: string): Range {
  const [from = '', to] = text.split('-')
  if (to !== undefined) return rangeBetween(from, to, text)
  const [address = '', digits = ''] = text.split('/')
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  if (family === 0 || !/^\d{1,3}$/.test(digits) || Number(digits) > bits) {
    throw new Error(`${text} is neither a network (192.0.2.0/28) nor a range (FIRST-LAST)`)
  }
  const size = 1n << BigInt(bits - Number(digits))
  const first = (numberOf(address) / size) * size
  // Two addresses and fewer: every one is for use (RFC 3021).
  const edge = size > 2n ? 1n : 0n
  return { family: family === 4 ? 4 : 6, first: first + edge, last: first + size - 1n - edge }
}

function rangeBetween(from: string, to: string, text: string): Range {
  const family = isIP(from)
  if (family === 0 || isIP(to) !== family || numberOf(from) > numberOf(to)) {
    throw new Error(`${text} is no range: the first address comes first, both of one family`)
  }
  return { family: family === 4 ? 4 : 6, first: numberOf(from), last: numberOf(to) }
}

function at(ranges: readonly Range[], index: bigint): string {
  let left = index
  for (const { family, first, last } of ranges) {
    const size = last - first + 1n
    if (left < size) return addressOf(first + left, family)
    left -= size
  }
  throw new RangeError(`the pool has no address ${index}`)
}

const numberOf = (address: string): bigint => BigInt(`0x${addressBytes(address).toString('hex')}`)

function addressOf(number: bigint, family: 4 | 6): string {
  const hex = number.toString(16).padStart(family === 4 ? 8 : 32, '0')
  if (family === 4) return [...Buffer.from(hex, 'hex')].join('.')
  // The URL standard writes IPv6 as RFC 5952 does.
  return new URL(`http://[${hex.replace(/(.{4})(?!$)/g, '$1:')}]`).hostname.slice(1, -1)
}

/** FNV-1a, 32 bits (RFC 9923). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
