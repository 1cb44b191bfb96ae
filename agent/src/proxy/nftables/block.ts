import { isIP } from 'node:net'
import type { Backend, Frontend } from '../model/frontend.ts'
import { balanceRules } from './balance-rules.ts'
import { DIALECTS, type Dialect, MASQUERADE_MARK } from './dialect.ts'
import { sourceRangeRules } from './source-ranges.ts'

/** An element of a set or a verdict map that is always there. */
export interface Element {
  readonly set: ElementSet
  readonly key: string
  /** Present in a verdict map. */
  readonly verdict?: string
}

/** The sets and verdict maps of the table. */
export type ElementSet =
  | 'cluster_ips'
  | 'hairpin'
  | 'services'
  | 'node_ports'
  | 'no_endpoints'
  | 'no_endpoints_node_ports'

/** What one frontend puts into the table of its family. */
export interface Block {
  readonly dialect: Dialect
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>
  /** Names of the sets that remember clients. */
  readonly affinitySets: readonly string[]
  readonly elements: readonly Element[]
}

export interface BlockOptions {
  /**
   * Backends see the client's address, also where the traffic comes from outside:
   * externalTrafficPolicy Local.
   */
  readonly keepsClientAddress: boolean
}

/**
 * The block of a frontend: a chain named for its address, reached by the verdict map
 * of the services or of the node ports. Without backends its traffic is rejected, or
 * dropped where only the traffic policy Local keeps it from them, as kube-proxy does.
 */
export function blockOf(frontend: Frontend, { keepsClientAddress }: BlockOptions): Block {
  const dialect = DIALECTS[frontend.family]
  const backends = frontend.backends.filter(isUsable)
  const inside = (frontend.insideBackends ?? []).filter(isUsable)
  const name = chainName(frontend)
  const chains = new Map<string, readonly string[]>()
  const toNode = balanceRules(frontend, inside, name)
  const toAll = balanceRules(frontend, backends, name)
  if (inside.length > 0) chains.set(`${name}/inside`, [MASQUERADE, ...toNode.rules])
  if (backends.length + inside.length > 0) {
    chains.set(name, [
      ...sourceRangeRules(frontend),
      ...(inside.length > 0 ? [`fib saddr type local goto ${name}/inside`] : []),
      ...(frontend.kind === 'ClusterIP' || keepsClientAddress ? [] : [MASQUERADE]),
      ...toAll.rules,
    ])
  }
  return {
    dialect,
    chains,
    affinitySets: [...new Set([...toNode.affinitySets, ...toAll.affinitySets])],
    elements: [
      ...(chains.size > 0 ? [entry(frontend, ['services', 'node_ports'], `goto ${name}`)] : []),
      ...(backends.length === 0 ? [missing(frontend)] : []),
      ...(frontend.kind === 'ClusterIP'
        ? [{ set: 'cluster_ips', key: frontend.address } as const]
        : []),
      ...[...backends, ...inside].map(hairpin),
    ],
  }
}

const MASQUERADE = `meta mark set meta mark or ${MASQUERADE_MARK}`

/** An address that is none would make nft refuse everything, not this alone. */
const isUsable = ({ address }: Backend): boolean => isIP(address) !== 0 && !address.includes('%')

/** Unique, since no address has a dash; colons may not stand in names. */
function chainName({ protocol, kind, address, port }: Frontend): string {
  const host = kind === 'NodePort' ? 'nodeport' : address.replaceAll(':', '-')
  return `${protocol.toLowerCase()}/${host}/${port}`
}

function entry(
  { protocol, kind, address, port }: Frontend,
  [addressed, nodePorts]: readonly [ElementSet, ElementSet],
  verdict: string,
): Element {
  const key = `${protocol.toLowerCase()} . ${port}`
  return kind === 'NodePort'
    ? { set: nodePorts, key, verdict }
    : { set: addressed, key: `${address} . ${key}`, verdict }
}

function missing(frontend: Frontend): Element {
  const verdict = frontend.whyEmpty === 'NoLocalEndpoints' ? 'drop' : 'goto reject-packet'
  return entry(frontend, ['no_endpoints', 'no_endpoints_node_ports'], verdict)
}

/** A backend that reaches itself through the service must see another address than its own. */
const hairpin = ({ address }: Backend): Element => ({
  set: 'hairpin',
  key: `${address} . ${address}`,
})
