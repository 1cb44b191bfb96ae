import type { EndpointSet } from '@roster/client'

export interface ServiceOptions {
  readonly name: string
  readonly clusterIP: string
  /** Port by name; the endpoints have the same. */
  readonly ports: Readonly<Record<string, number>>
  /** IPs of the endpoints. */
  readonly endpoints: readonly string[]
}

/** A ClusterIP service as a proxy's source tells it: the fields a proxy looks at, and no others. */
export function serviceSet({ name, clusterIP, ports, endpoints }: ServiceOptions): EndpointSet {
  const named = Object.entries(ports).map(([port, number]) => ({ name: port, port: number }))
  const set = {
    namespace: 'bench',
    service: name,
    definition: {
      spec: {
        type: 'ClusterIP',
        clusterIps: [clusterIP],
        ports: named.map((port) => ({ ...port, protocol: 'TCP', nodePort: 0 })),
        externalIps: [],
        loadBalancerSourceRanges: [],
        sessionAffinity: 'None',
      },
    },
    endpoints: endpoints.map((address) => ({
      id: address,
      addresses: [address],
      ports: named.map((port) => ({ ...port, protocol: 'TCP', appProtocol: '' })),
      ready: true,
      serving: true,
      terminating: false,
      nodeName: '',
      zone: '',
      weight: 1,
    })),
  }
  return set as unknown as EndpointSet
}
