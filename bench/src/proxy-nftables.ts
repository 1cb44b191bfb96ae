import { inNewNamespace } from './namespace.ts'
import type { NftablesFigures } from './proxy-nftables-worker.ts'
import type { Row } from './report.ts'

/** Requests, new connections and bytes through the nftables proxy, over those without one. */
export interface NftablesRatios {
  readonly rows: readonly Row[]
  readonly ratios: NftablesFigures['direct']
}

/**
 * One backend directly and through the nftables proxy: client, node and backend in
 * network namespaces of their own, so these figures compare with each other only.
 */
export async function nftablesRatios(): Promise<NftablesRatios> {
  const figures = await inNewNamespace('./proxy-nftables-worker.js', [])
  const { direct, nftables } = figures as NftablesFigures
  const ratios = {
    rps: nftables.rps / direct.rps,
    cps: nftables.cps / direct.cps,
    gbps: nftables.gbps / direct.gbps,
  }
  const row = (what: string, roster: number): Row => ({
    what: `nftables over direct: ${what}`,
    unit: 'ratio',
    roster,
  })
  return {
    rows: [
      { ...row('requests, connections kept', ratios.rps), goal: { of: 'roster', atLeast: 0.8 } },
      row('new connections', ratios.cps),
      row('bytes', ratios.gbps),
    ],
    ratios,
  }
}
