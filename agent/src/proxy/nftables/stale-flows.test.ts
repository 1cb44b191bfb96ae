import { describe, expect, it } from 'vitest'
import { staleFlows } from './stale-flows.ts'

const LISTING = `
udp      17 28 src=10.1.0.2 dst=10.96.0.53 sport=4001 dport=53 [UNREPLIED] src=10.2.0.2 dst=10.1.0.2 sport=8053 dport=4001 mark=0 use=1
udp      17 118 src=10.1.0.3 dst=10.96.0.53 sport=4002 dport=53 src=10.3.0.2 dst=10.1.0.3 sport=8053 dport=4002 [ASSURED] mark=0 use=1
udp      17 118 src=10.1.0.4 dst=10.96.0.53 sport=4003 dport=53 src=10.2.0.2 dst=10.1.0.4 sport=8053 dport=4003 [ASSURED] mark=0 use=1
udp      17 28 src=10.1.0.2 dst=10.1.0.1 sport=4004 dport=30053 src=10.2.0.2 dst=10.1.0.1 sport=8053 dport=4004 mark=0 use=1
udp      17 28 src=10.1.0.2 dst=192.0.2.9 sport=4005 dport=30053 src=192.0.2.9 dst=10.1.0.2 sport=30053 dport=4005 mark=0 use=1
udp      17 28 src=10.1.0.2 dst=10.96.9.9 sport=4006 dport=53 [UNREPLIED] src=10.4.0.2 dst=10.1.0.2 sport=8053 dport=4006 mark=0 use=1
udp      17 28 src=10.1.0.2 dst=192.0.2.1 sport=4007 dport=53 src=192.0.2.1 dst=10.1.0.2 sport=53 dport=4007 mark=0 use=1
`

const backend = (address: string) => ({
  endpointId: address,
  address,
  port: 8053,
  weight: 1,
  terminating: false,
})
const clusterIP = (...addresses: readonly string[]) =>
  ({
    kind: 'ClusterIP',
    family: 4,
    address: '10.96.0.53',
    port: 53,
    backends: addresses.map(backend),
  }) as const
const nodePort = {
  ...clusterIP('10.3.0.2'),
  kind: 'NodePort',
  address: '0.0.0.0',
  port: 30_053,
} as const

const stale = (rules: Partial<Parameters<typeof staleFlows>[2]>) =>
  staleFlows(LISTING, 'ipv4', {
    frontends: [],
    serviceRanges: [],
    ownIPs: new Set(['10.1.0.1']),
    ...rules,
  }).map(({ address, port, backendAddress, backendPort }) =>
    [`${address}:${port}`, `${backendAddress}:${backendPort}`].join(' '),
  )

describe('the stale flows', () => {
  it('are those to endpoints that are no backends, once for all their clients', () => {
    expect(stale({ frontends: [clusterIP('10.3.0.2')] })).toEqual(['10.96.0.53:53 10.2.0.2:8053'])
  })

  it('are all flows of a frontend without backends', () => {
    expect(stale({ frontends: [clusterIP()] })).toEqual([
      '10.96.0.53:53 10.2.0.2:8053',
      '10.96.0.53:53 10.3.0.2:8053',
    ])
  })

  it('are none to the port of a node port at addresses of other machines', () => {
    expect(stale({ frontends: [nodePort] })).toEqual(['10.1.0.1:30053 10.2.0.2:8053'])
  })

  it('are those in the service range that no frontend accounts for', () => {
    const frontends = [clusterIP('10.2.0.2', '10.3.0.2')]
    expect(stale({ frontends, serviceRanges: ['10.96.0.0/16'] })).toEqual([
      '10.96.9.9:53 10.4.0.2:8053',
    ])
  })
})
