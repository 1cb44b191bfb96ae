import type { Endpoint__Output, EndpointPort__Output, EndpointSet__Output } from '@roster/proto'
import { byAddress } from '../print/addresses.ts'
import { type Manifest, telling } from './manifest.ts'
import { metaManifest } from './meta.ts'

/**
 * An endpoint set as a core/v1 Endpoints object: one subset for each set of
 * ports, the first address of each endpoint. Derived, so it can be read only.
 */
export function endpointsManifest(set: EndpointSet__Output): Manifest {
  const groups = new Map<string, Endpoint__Output[]>()
  for (const endpoint of byAddress(set.endpoints)) {
    const ports = JSON.stringify(endpoint.ports)
    groups.set(ports, [...(groups.get(ports) ?? []), endpoint])
  }
  const metadata = set.definition?.metadata
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    ...(metadata && { metadata: metaManifest({ ...metadata, annotations: {}, uid: '' }) }),
    subsets: [...groups.values()].map((endpoints) => subsetManifest(endpoints, set.namespace)),
  }
}

function subsetManifest(endpoints: readonly Endpoint__Output[], namespace: string): Manifest {
  const addresses = (ready: readonly Endpoint__Output[]) =>
    ready.map((endpoint) => addressManifest(endpoint, namespace))
  return telling({
    addresses: addresses(endpoints.filter((e) => e.ready)),
    notReadyAddresses: addresses(endpoints.filter((e) => !e.ready)),
    ports: endpoints[0]?.ports.map(portManifest),
  })
}

const addressManifest = (endpoint: Endpoint__Output, namespace: string): Manifest =>
  telling({
    hostname: endpoint.hostname,
    ip: endpoint.addresses[0],
    nodeName: endpoint.nodeName,
    targetRef: endpoint.pod === '' ? undefined : { kind: 'Pod', name: endpoint.pod, namespace },
  })

const portManifest = ({ appProtocol, name, port, protocol }: EndpointPort__Output): Manifest =>
  telling({ appProtocol, name, port, protocol })
