import type { ElementSet } from './block.ts'
import { type Dialect, MASQUERADE_MARK } from './dialect.ts'

export interface BaseRulesOptions {
  /** CIDRs of all ClusterIPs: what nobody has of them is dropped. */
  readonly serviceRanges: readonly string[]
  /**
   * Which connections get this node's address as their client's. `needed`: those
   * from outside, and those of a backend to itself. `all`: every one, for a node
   * that is not on the way back.
   */
  readonly masquerade: 'needed' | 'all'
}

/** A set or verdict map that is always there. */
export interface SetDeclaration {
  readonly kind: 'set' | 'map'
  readonly type: string
}

/** The sets and verdict maps of an address family. One whose type changes needs a new name. */
export function elementSets({ addressType }: Dialect): ReadonlyMap<ElementSet, SetDeclaration> {
  const port = 'inet_proto . inet_service : verdict'
  const addressAndPort = `${addressType} . ${port}`
  return new Map<ElementSet, SetDeclaration>([
    ['cluster_ips', { kind: 'set', type: addressType }],
    ['hairpin', { kind: 'set', type: `${addressType} . ${addressType}` }],
    ['services', { kind: 'map', type: addressAndPort }],
    ['node_ports', { kind: 'map', type: port }],
    ['no_endpoints', { kind: 'map', type: addressAndPort }],
    ['no_endpoints_node_ports', { kind: 'map', type: port }],
  ])
}

/** A chain that is always there. */
export interface BaseChain {
  readonly name: string
  /** Hook it stands in: where the kernel calls it. A chain whose hook changes needs a new name. */
  readonly hook?: string
  readonly rules: readonly string[]
}

/**
 * The chains that are always there, in the order that lets each name those before it.
 * The shape is kube-proxy's (pkg/proxy/nftables): translation in the NAT hooks, and what
 * was not translated although it should have been is refused by the filter hooks.
 */
export function baseChains(dialect: Dialect, options: BaseRulesOptions): readonly BaseChain[] {
  const { family, loopback } = dialect
  const toService = `${family} daddr . meta l4proto . th dport vmap`
  const toNodePort = `fib daddr type local ${family} daddr != ${loopback} meta l4proto . th dport vmap`
  const ranges = options.serviceRanges.filter((range) => range.includes(':') === (family === 'ip6'))
  const refuse = ['ct state new jump untranslated']
  return [
    { name: 'reject-packet', rules: ['meta l4proto tcp reject with tcp reset', 'reject'] },
    { name: 'dispatch', rules: [`${toService} @services`, `${toNodePort} @node_ports`] },
    {
      name: 'untranslated',
      rules: [
        `${toService} @no_endpoints`,
        `${toNodePort} @no_endpoints_node_ports`,
        // A port the service does not have.
        `${family} daddr @cluster_ips goto reject-packet`,
        // Dropped, not rejected: the service may be on its way to this node.
        ...ranges.map((range) => `${family} daddr ${range} drop`),
      ],
    },
    {
      name: 'nat-prerouting',
      hook: 'type nat hook prerouting priority dstnat;',
      rules: ['jump dispatch'],
    },
    // nft 1.0.6 does not take `dstnat` for this hook.
    { name: 'nat-output', hook: 'type nat hook output priority -100;', rules: ['jump dispatch'] },
    {
      name: 'nat-postrouting',
      hook: 'type nat hook postrouting priority srcnat;',
      rules: postroutingRules(family, options.masquerade),
    },
    { name: 'filter-input', hook: 'type filter hook input priority filter;', rules: refuse },
    { name: 'filter-forward', hook: 'type filter hook forward priority filter;', rules: refuse },
    { name: 'filter-output', hook: 'type filter hook output priority filter;', rules: refuse },
  ]
}

function postroutingRules(
  family: Dialect['family'],
  masquerade: BaseRulesOptions['masquerade'],
): readonly string[] {
  const isMarked = `meta mark and ${MASQUERADE_MARK} == ${MASQUERADE_MARK}`
  // The mark has done its work, and others may look at marks too.
  const marked = `${isMarked} meta mark set meta mark xor ${MASQUERADE_MARK}`
  return [
    `${marked} masquerade fully-random`,
    masquerade === 'all'
      ? 'ct status dnat masquerade fully-random'
      : `ct status dnat ${family} saddr . ${family} daddr @hairpin masquerade fully-random`,
  ]
}
