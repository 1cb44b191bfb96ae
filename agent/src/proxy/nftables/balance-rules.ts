import type { Backend, Frontend } from '../model/frontend.ts'
import { DIALECTS } from './dialect.ts'

/** Clients one backend remembers at most: what nftables takes by default. */
const AFFINITY_SET_SIZE = 65_535
const MS_PER_S = 1_000

/** Rules that translate to one of several backends, and the sets they use. */
export interface BalanceRules {
  readonly rules: readonly string[]
  readonly affinitySets: readonly string[]
}

/**
 * Rules that send a connection to one of the backends at random by weight: each takes
 * its share of what those before it have left, and the last takes the rest. A map from
 * a random number to a backend, one rule instead of one for each backend, costs the
 * kernel an anonymous set for each service: with 5,000 services an update took three
 * times as long, and a full one nine times.
 *
 * With session affinity a client that a backend remembers goes there; the others are
 * remembered by the backend they get.
 */
export function balanceRules(
  frontend: Frontend,
  backends: readonly Backend[],
  chain: string,
): BalanceRules {
  const comment = commentOf(frontend)
  const translate = ({ address, port }: Backend) =>
    `meta l4proto ${frontend.protocol.toLowerCase()} dnat to ${hostOf(address)}:${port} comment "${comment}"`
  const shares = sharesOf(backends)
  if (frontend.affinityTimeoutMs === undefined) {
    const rules = backends.map((backend, n) => `${shares[n]}${translate(backend)}`)
    return { rules, affinitySets: [] }
  }
  const { family } = DIALECTS[frontend.family]
  const timeoutS = Math.ceil(frontend.affinityTimeoutMs / MS_PER_S)
  const sets = backends.map(
    ({ address, port }) => `affinity/${chain}/${address.replaceAll(':', '-')}/${port}`,
  )
  const remember = (set: string | undefined) =>
    `update @${set} { ${family} saddr timeout ${timeoutS}s }`
  const known = backends.map(
    (backend, n) => `${family} saddr @${sets[n]} ${remember(sets[n])} ${translate(backend)}`,
  )
  const others = backends.map(
    (backend, n) => `${shares[n]}${remember(sets[n])} ${translate(backend)}`,
  )
  // A full set remembers nobody, and its rule does not match.
  const last = backends.at(-1)
  return { rules: [...known, ...others, ...(last ? [translate(last)] : [])], affinitySets: sets }
}

/** What a set that remembers clients is declared as. */
export function affinitySetType(addressType: string): string {
  return `type ${addressType}; flags dynamic,timeout; size ${AFFINITY_SET_SIZE};`
}

const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address)

function sharesOf(backends: readonly Backend[]): readonly string[] {
  let left = backends.reduce((sum, { weight }) => sum + weight, 0)
  return backends.map(({ weight }) => {
    const share = weight === left ? '' : `numgen random mod ${left} < ${weight} `
    left -= weight
    return share
  })
}

/** nftables takes 128 bytes, the end included. */
const commentOf = ({ namespace, service, portName }: Frontend): string =>
  `${namespace}/${service}:${portName}`.replaceAll(/[^\w./:-]/g, '').slice(0, 127)
