import { BlockList } from 'node:net'
import type { Frontend } from '../model/frontend.ts'
import { runCommand } from './command.ts'

/** A UDP frontend, and the backends its flows may go to: none when it is gone. */
export type UdpFrontend = Pick<
  Frontend,
  'kind' | 'family' | 'address' | 'port' | 'backends' | 'insideBackends'
>

export interface FlowRules {
  readonly frontends: readonly UdpFrontend[]
  /** Flows to these CIDRs that no frontend accounts for are stale. */
  readonly serviceRanges: readonly string[]
  /** Of this node, for node ports. */
  readonly ownIPs: ReadonlySet<string>
}

/** Flows of all clients from one address to one backend, as conntrack sees them. */
export interface FlowGroup {
  readonly family: 'ipv4' | 'ipv6'
  /** Whereto the client sends. */
  readonly address: string
  readonly port: number
  /** Whence the answers come. */
  readonly backendAddress: string
  readonly backendPort: number
}

/**
 * Forgets the UDP flows that lead where no backend is any more. The kernel translates
 * a flow as it did its first packet for as long as packets come: without this a client
 * would talk to an endpoint that is gone, or to none although there is one by now. One
 * look at all flows settles every case: an endpoint replaced, the last one gone, the
 * service deleted, the service new. Source: kube-proxy, pkg/proxy/conntrack. Throws
 * CommandError, code ENOENT where the program `conntrack` is missing.
 */
export async function forgetStaleFlows(rules: FlowRules, signal?: AbortSignal): Promise<number> {
  const families = new Set(rules.frontends.map(({ family }) => (family === 6 ? 'ipv6' : 'ipv4')))
  if (rules.serviceRanges.length > 0) for (const one of ['ipv4', 'ipv6'] as const) families.add(one)
  let forgotten = 0
  for (const family of families) {
    const flows = await runCommand(['conntrack', '-L', '-f', family, '-p', 'udp'], [], signal)
    for (const group of staleFlows(flows, family, rules)) {
      await forget(group, signal)
      forgotten++
    }
  }
  return forgotten
}

/** The groups in a listing of `conntrack -L -p udp` that lead where no backend is. */
export function staleFlows(
  listing: string,
  family: FlowGroup['family'],
  rules: FlowRules,
): readonly FlowGroup[] {
  const isOfFamily = (frontend: UdpFrontend) => (frontend.family === 6) === (family === 'ipv6')
  const backendsOf = finder({ ...rules, frontends: rules.frontends.filter(isOfFamily) })
  const stale = new Map<string, FlowGroup>()
  const flow = /dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+)/g
  for (const [, address = '', port, backendAddress = '', backendPort] of listing.matchAll(flow)) {
    const backends = backendsOf(address, Number(port))
    if (!backends || backends.has(`${backendAddress} ${backendPort}`)) continue
    const group = {
      family,
      address,
      port: Number(port),
      backendAddress,
      backendPort: Number(backendPort),
    }
    stale.set(Object.values(group).join(' '), group)
  }
  return [...stale.values()]
}

/** Finds the backends of an address, as `address port`; undefined: it is none of a service's. */
function finder({ frontends, serviceRanges, ownIPs }: FlowRules) {
  const byAddress = new Map<string, ReadonlySet<string>>()
  for (const frontend of frontends) {
    const { kind, address, port, backends, insideBackends = [] } = frontend
    const keys = [...backends, ...insideBackends].map((one) => `${one.address} ${one.port}`)
    byAddress.set(kind === 'NodePort' ? `${port}` : `${address} ${port}`, new Set(keys))
  }
  const ranges = new BlockList()
  for (const range of serviceRanges) {
    const [network = '', bits] = range.split('/')
    ranges.addSubnet(network, Number(bits), typeOf(network))
  }
  return (address: string, port: number): ReadonlySet<string> | undefined =>
    byAddress.get(`${address} ${port}`) ??
    (ownIPs.has(address) ? byAddress.get(`${port}`) : undefined) ??
    (ranges.check(address, typeOf(address)) ? NOBODY : undefined)
}

const NOBODY: ReadonlySet<string> = new Set()

const typeOf = (address: string) => (address.includes(':') ? 'ipv6' : 'ipv4')

async function forget(group: FlowGroup, signal?: AbortSignal): Promise<void> {
  const { family, address, port, backendAddress, backendPort } = group
  const sent = ['--orig-dst', address, '--orig-port-dst', `${port}`]
  const answered = ['--reply-src', backendAddress, '--reply-port-src', `${backendPort}`]
  await runCommand(
    ['conntrack', '-D', '-f', family, '-p', 'udp', ...sent, ...answered],
    [],
    signal,
  ).catch((error: Error) => {
    // It fails when all of them have ended by themselves meanwhile.
    if (!error.message.includes('0 flow entries')) throw error
  })
}
