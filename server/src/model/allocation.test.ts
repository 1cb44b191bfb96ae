import { describe, expect, it } from 'vitest'
import { IpAllocator, PortAllocator } from './allocation.ts'
import { parseCidr, parseIp } from './ip.ts'

const addresses = (range: string): IpAllocator => new IpAllocator(parseCidr(range)!)
const take = <T>(count: number, next: () => T | undefined): (T | undefined)[] =>
  Array.from({ length: count }, next)
const last = (address: string | undefined): number => Number(parseIp(address ?? '')!.value & 255n)

describe('IpAllocator', () => {
  it.each([
    ['10.0.0.0/24', 16, 254],
    ['10.0.0.0/27', 16, 30],
    ['10.0.0.0/28', 0, 14],
    ['10.0.0.0/30', 0, 2],
    ['fd00::/120', 16, 255],
  ])('gives out the upper band of %s before the lower %i, and %i in all', (range, band, all) => {
    const pool = addresses(range)
    const upper = take(all - band, () => pool.reserveNext()).map(last)
    const lower = take(band, () => pool.reserveNext()).map(last)
    expect(Math.min(...upper)).toBe(band + 1)
    expect(new Set([...upper, ...lower]).size).toBe(all)
    expect(lower.every((n) => n >= 1 && n <= band)).toBe(true)
    expect(pool.reserveNext()).toBeUndefined()
  })

  it.each([
    ['10.96.0.0/19', 256],
    ['10.96.0.0/20', 256],
    ['10.96.0.0/22', 64],
  ])('leaves the first addresses of %s to callers who choose: %i', (range, band) => {
    const pool = addresses(range)
    const size = Number(parseCidr(range)!.size) - 2
    const upper = take(size - band, () => pool.reserveNext())
    const base = parseCidr(range)!.base
    const offsets = upper.map((ip) => Number(parseIp(ip ?? '')!.value - base))
    expect(Math.min(...offsets)).toBe(band + 1)
  })

  it.each(['10.0.0.0', '10.0.0.255', '10.0.1.1', 'fd00::1', 'x'])(
    'refuses %s as out of range',
    (ip) => {
      expect(addresses('10.0.0.0/24').reserve(ip)).toBe(
        'provided IP is not in the valid range. The range of valid IPs is 10.0.0.0/24',
      )
    },
  )

  it('refuses an address in use, however it is spelled', () => {
    const pool = addresses('fd00::/108')
    expect(pool.reserve('fd00::7')).toBeUndefined()
    expect(pool.reserve('FD00:0::0007')).toBe('provided IP is already allocated')
  })

  it('gives out an address again once it is released', () => {
    const pool = addresses('10.0.0.0/24')
    pool.reserve('10.0.0.5')
    pool.release('10.0.0.5')
    expect(pool.reserve('10.0.0.5')).toBeUndefined()
  })

  it('keeps an address two services claim until both have let go', () => {
    const pool = addresses('10.0.0.0/24')
    expect(pool.restore('10.0.0.5')).toBeUndefined()
    expect(pool.restore('10.0.0.5')).toBe('provided IP is already allocated')
    pool.release('10.0.0.5')
    expect(pool.used()).toEqual(['10.0.0.5'])
    pool.release('10.0.0.5')
    expect(pool.used()).toEqual([])
  })

  it('serves a range of 2^64 addresses', () => {
    const pool = addresses('fd00::/64')
    const given = take(1000, () => pool.reserveNext())
    expect(new Set(given).size).toBe(1000)
    expect(pool.reserve('fd00::ffff:ffff:ffff:ffff')).toBeUndefined()
  })
})

describe('PortAllocator', () => {
  it('gives out 30086-32767 before 30000-30085', () => {
    const pool = new PortAllocator(30_000, 32_767)
    const upper = take(2768 - 86, () => pool.reserveNext()).map(Number)
    const lower = take(86, () => pool.reserveNext()).map(Number)
    expect([Math.min(...upper), Math.max(...upper), new Set(upper).size]).toEqual([
      30_086, 32_767, 2682,
    ])
    expect([Math.min(...lower), Math.max(...lower), new Set(lower).size]).toEqual([
      30_000, 30_085, 86,
    ])
    expect(pool.reserveNext()).toBeUndefined()
  })

  it('refuses ports out of range and in use', () => {
    const pool = new PortAllocator(30_000, 32_767)
    pool.reserve(32_767)
    expect([29_999, 32_768, 30_000.5, 32_767].map((port) => pool.reserve(port))).toEqual([
      'provided port is not in the valid range. The range of valid ports is 30000-32767',
      'provided port is not in the valid range. The range of valid ports is 30000-32767',
      'provided port is not in the valid range. The range of valid ports is 30000-32767',
      'provided port is already allocated',
    ])
  })
})
