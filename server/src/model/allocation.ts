import { type Cidr, contains, formatCidr, formatIp, parseIp } from './ip.ts'
import type { IPFamily } from './service.ts'

/** Limits of the band at the bottom of a range that is left to callers who choose themselves. */
interface BandRule {
  readonly step: number
  readonly max: number
}
const MIN_BAND = 16
const ADDRESS_BAND: BandRule = { step: 16, max: 256 }
const PORT_BAND: BandRule = { step: 32, max: 128 }

/** Numbers drawn from beyond this are not needed, and a double holds no more. */
const MAX_DRAW = 2 ** 48

/**
 * How many numbers at the bottom of a range of `size` are for callers who choose
 * (Kubernetes' calculateRangeOffset: never less than 16 nor more than `max`, in
 * between one in `step`; none in a range of 16 or less).
 */
const staticBand = (size: bigint, { step, max }: BandRule): bigint => {
  if (size <= BigInt(MIN_BAND)) return 0n
  const share = size / BigInt(step)
  if (share < BigInt(MIN_BAND)) return BigInt(MIN_BAND)
  return share > BigInt(max) ? BigInt(max) : share
}

/**
 * Numbers in [first, end) and who uses them. Only the used ones are kept, so the
 * size of the range costs nothing. A number may be restored more than once (two
 * stored services that claim it) and is free when all have let go.
 */
class NumberPool {
  readonly #first: bigint
  readonly #dynamic: bigint
  readonly #end: bigint
  readonly #uses = new Map<bigint, number>()

  constructor(first: bigint, end: bigint, reservedForChoice: bigint) {
    this.#first = first
    this.#end = end > first ? end : first
    const size = this.#end - first
    this.#dynamic = first + (reservedForChoice > size ? size : reservedForChoice)
  }

  get used(): Iterable<bigint> {
    return this.#uses.keys()
  }

  has(n: bigint): boolean {
    return this.#uses.has(n)
  }

  holds(n: bigint): boolean {
    return n >= this.#first && n < this.#end
  }

  add(n: bigint): void {
    this.#uses.set(n, (this.#uses.get(n) ?? 0) + 1)
  }

  release(n: bigint): void {
    const uses = this.#uses.get(n) ?? 0
    if (uses > 1) this.#uses.set(n, uses - 1)
    else this.#uses.delete(n)
  }

  /** Takes a free number: of the upper band while it has one, then of the lower. */
  addNext(): bigint | undefined {
    const n = this.#freeIn(this.#dynamic, this.#end) ?? this.#freeIn(this.#first, this.#dynamic)
    if (n !== undefined) this.add(n)
    return n
  }

  /** From a random start onwards, around the end: as many steps as there are used numbers, at most. */
  #freeIn(from: bigint, to: bigint): bigint | undefined {
    const size = to - from
    const start = BigInt(Math.floor(Math.random() * Math.min(Number(size), MAX_DRAW)))
    for (let step = 0n; step < size; step++) {
      const n = from + ((start + step) % size)
      if (!this.#uses.has(n)) return n
    }
    return undefined
  }
}

/**
 * The virtual addresses of one range. Its network address, and in IPv4 its
 * broadcast address, are never given out. The lower band (16 to 256 addresses) is
 * left to callers who choose, as long as there are others.
 */
export class IpAllocator {
  readonly family: IPFamily
  /** The range, `10.96.0.0/16`. */
  readonly range: string
  readonly #cidr: Cidr
  readonly #pool: NumberPool

  constructor(cidr: Cidr) {
    this.family = cidr.family
    this.range = formatCidr(cidr)
    this.#cidr = cidr
    const end = cidr.base + cidr.size - (cidr.family === 'IPv4' ? 1n : 0n)
    this.#pool = new NumberPool(cidr.base + 1n, end, staticBand(cidr.size, ADDRESS_BAND))
  }

  /** Takes this address; answers why it cannot be had, in Kubernetes' words, undefined when it is taken. */
  reserve(address: string): string | undefined {
    const ip = parseIp(address)
    if (!ip || !contains(this.#cidr, ip) || !this.#pool.holds(ip.value)) {
      return `provided IP is not in the valid range. The range of valid IPs is ${this.range}`
    }
    if (this.#pool.has(ip.value)) return 'provided IP is already allocated'
    this.#pool.add(ip.value)
    return undefined
  }

  /** Takes a free address; undefined when there is none. */
  reserveNext(): string | undefined {
    const value = this.#pool.addNext()
    return value === undefined ? undefined : formatIp({ family: this.family, value })
  }

  /** As reserve, but an address in use is marked once more and has to be released as often. */
  restore(address: string): string | undefined {
    const problem = this.reserve(address)
    const ip = parseIp(address)
    if (problem !== undefined && ip && this.#pool.has(ip.value)) this.#pool.add(ip.value)
    return problem
  }

  /** Lets go of an address; one that is not in use, or not of this range, is nothing. */
  release(address: string): void {
    const ip = parseIp(address)
    if (ip && ip.family === this.family) this.#pool.release(ip.value)
  }

  /** The addresses in use, in canonical text. */
  used(): string[] {
    return [...this.#pool.used].map((value) => formatIp({ family: this.family, value }))
  }
}

/**
 * The node ports from `from` to `to`, both included. The lower band (16 to 128
 * ports; 30000-30085 of 30000-32767) is left to callers who choose, as long as
 * there are others.
 */
export class PortAllocator {
  /** The range, `30000-32767`. */
  readonly range: string
  readonly #pool: NumberPool

  constructor(from: number, to: number) {
    this.range = `${from}-${to}`
    const size = BigInt(to - from + 1)
    this.#pool = new NumberPool(BigInt(from), BigInt(to) + 1n, staticBand(size, PORT_BAND))
  }

  /** Takes this port; answers why it cannot be had, in Kubernetes' words, undefined when it is taken. */
  reserve(port: number): string | undefined {
    if (!Number.isInteger(port) || !this.#pool.holds(BigInt(port))) {
      return `provided port is not in the valid range. The range of valid ports is ${this.range}`
    }
    if (this.#pool.has(BigInt(port))) return 'provided port is already allocated'
    this.#pool.add(BigInt(port))
    return undefined
  }

  /** Takes a free port; undefined when there is none. */
  reserveNext(): number | undefined {
    const port = this.#pool.addNext()
    return port === undefined ? undefined : Number(port)
  }

  /** As reserve, but a port in use is marked once more and has to be released as often. */
  restore(port: number): string | undefined {
    const problem = this.reserve(port)
    if (problem !== undefined && this.#pool.has(BigInt(port))) this.#pool.add(BigInt(port))
    return problem
  }

  /** Lets go of a port; one that is not in use is nothing. */
  release(port: number): void {
    this.#pool.release(BigInt(port))
  }

  /** The ports in use. */
  used(): number[] {
    return [...this.#pool.used].map(Number)
  }
}
