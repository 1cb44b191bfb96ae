import { readFile } from 'node:fs/promises'
import { BlockList } from 'node:net'
import { DIALECTS } from './dialect.ts'
import { checkScript } from './nft.ts'
import { Ruleset } from './ruleset.ts'

/** Bit of CAP_NET_ADMIN, capabilities(7). */
const CAP_NET_ADMIN = 12n

/**
 * Why nftables cannot carry the traffic of services here; undefined: it can. Asks the
 * kernel for the capability, and nft to check the rules without making them.
 */
export async function whyNoNftables(serviceRanges: readonly string[]): Promise<string | undefined> {
  const loopback = serviceRanges.filter(isLoopback)
  if (loopback.length > 0) {
    return `ClusterIPs out of ${loopback.join()} are loopback addresses, which the kernel does not forward`
  }
  if (!(await hasNetAdmin())) return 'the process lacks CAP_NET_ADMIN'
  const nothing = { chains: [], sets: [] }
  const rules = new Ruleset({ serviceRanges, masquerade: 'needed' })
  try {
    await checkScript(rules.full({ ip: nothing, ip6: nothing }))
    return undefined
  } catch (error) {
    return `a trial of the rules failed: ${error instanceof Error ? error.message : error}`
  }
}

function isLoopback(range: string): boolean {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  const [network = ''] = range.split('/')
  return network === DIALECTS[6].loopback || (!network.includes(':') && loopback.check(network))
}

async function hasNetAdmin(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> CAP_NET_ADMIN) & 1n) === 1n
}
