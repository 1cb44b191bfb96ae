import type { IPFamily } from '../model/frontend.ts'

/** Name of our table, one in each address family: nobody else's rules are touched. */
export const TABLE = 'roster'

/** Says in the listing whose table it is; a table of that name without it is somebody else's. */
export const TABLE_COMMENT = 'roster agent'

/** Set on packets whose connection gets this node's address; the bit kube-proxy takes too. */
export const MASQUERADE_MARK = '0x4000'

/** What nftables calls things in an address family. */
export interface Dialect {
  readonly family: 'ip' | 'ip6'
  readonly addressType: 'ipv4_addr' | 'ipv6_addr'
  readonly loopback: string
}

export const DIALECTS: Readonly<Record<IPFamily, Dialect>> = {
  4: { family: 'ip', addressType: 'ipv4_addr', loopback: '127.0.0.0/8' },
  6: { family: 'ip6', addressType: 'ipv6_addr', loopback: '::1' },
}
