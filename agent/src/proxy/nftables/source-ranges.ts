import { BlockList, isIP } from 'node:net'
import type { Frontend, IPFamily } from '../model/frontend.ts'
import { DIALECTS } from './dialect.ts'

/**
 * Rules that drop traffic from outside the frontend's source ranges; none when it has
 * none. They stand before the translation, in a NAT chain, which sees new connections
 * only: those that are open when the ranges change go on, as with kube-proxy.
 */
export function sourceRangeRules({ sourceRanges, family }: Frontend): readonly string[] {
  if (sourceRanges.length === 0) return []
  const ranges = disjoint(sourceRanges.flatMap((range) => parse(range, family) ?? []))
  if (ranges.length === 0) return ['drop']
  if (ranges.some(({ bits }) => bits === 0)) return []
  const set = ranges.map(({ network, bits }) => `${network}/${bits}`).join(', ')
  return [`${DIALECTS[family].family} saddr != { ${set} } drop`]
}

interface Range {
  readonly network: string
  readonly bits: number
}

function parse(range: string, family: IPFamily): Range | undefined {
  const [network = '', length = ''] = range.split('/')
  const bits = Number(length)
  const isRange = isIP(network) === family && /^\d{1,3}$/.test(length)
  return isRange && bits <= (family === 6 ? 128 : 32) ? { network, bits } : undefined
}

/** Without the ranges inside others: nftables refuses a set whose elements overlap. */
function disjoint(ranges: readonly Range[]): readonly Range[] {
  const kept: Range[] = []
  const covered = new BlockList()
  for (const range of [...ranges].sort((a, b) => a.bits - b.bits)) {
    const type = range.network.includes(':') ? 'ipv6' : 'ipv4'
    if (covered.check(range.network, type)) continue
    covered.addSubnet(range.network, range.bits, type)
    kept.push(range)
  }
  return kept
}
