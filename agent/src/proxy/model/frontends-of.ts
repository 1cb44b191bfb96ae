import { isIP } from 'node:net'
import type { EndpointSet } from '@roster/client'
import {
  type Choice,
  candidatesOf,
  chooseCluster,
  chooseLocal,
  isLocal,
  type Place,
} from './backends.ts'
import {
  type Frontend,
  type FrontendKind,
  frontendKey,
  type HealthCheck,
  type IPFamily,
  type Protocol,
  type ServiceFrontends,
} from './frontend.ts'

type Spec = NonNullable<NonNullable<EndpointSet['definition']>['spec']>
type Port = Spec['ports'][number]

/** Kubernetes' default for session affinity, in seconds: three hours. */
const AFFINITY_TIMEOUT_S = 10_800

/**
 * The frontends of a service on this node: its ClusterIPs, external IPs, load
 * balancer IPs and NodePorts, times its ports. Headless services and ExternalNames
 * have none. Rules: Kubernetes "Virtual IPs and Service Proxies" and
 * pkg/proxy/serviceport.go.
 */
export function frontendsOf(set: EndpointSet, place: Place): ServiceFrontends {
  const spec = set.definition?.spec
  if (!spec || spec.type === 'ExternalName') return { frontends: [] }
  const clusterIPs = clusterIPsOf(spec)
  if (clusterIPs.length === 0) return { frontends: [] }
  const frontends = [...new Set(clusterIPs.map(familyOf))].flatMap((family) =>
    spec.ports.flatMap((port) => frontendsOfPort(set, spec, port, family, place)),
  )
  const healthCheck = healthCheckOf(set, spec, place)
  return { frontends, ...(healthCheck && { healthCheck }) }
}

function frontendsOfPort(
  set: EndpointSet,
  spec: Spec,
  port: Port,
  family: IPFamily,
  place: Place,
): readonly Frontend[] {
  const candidates = candidatesOf(set.endpoints, port, family)
  const cluster = chooseCluster(candidates, spec.trafficDistribution, place)
  const local = chooseLocal(candidates, place)
  const inside = spec.internalTrafficPolicy === 'Local' ? local : cluster
  const outside = spec.externalTrafficPolicy === 'Local' ? local : cluster
  const timeoutMs = affinityTimeoutMs(spec)
  const make = (kind: FrontendKind, address: string, number: number, choice: Choice) => {
    const protocol = port.protocol as Protocol
    const isBound = kind === 'ClusterIP' || kind === 'NodePort' || outside === cluster
    return {
      key: frontendKey({ protocol, address, port: number }),
      kind,
      namespace: set.namespace,
      service: set.service,
      portName: port.name,
      protocol,
      family,
      address,
      port: number,
      ...choice,
      ...(isBound ? {} : { insideBackends: cluster.backends }),
      ...(timeoutMs === undefined ? {} : { affinityTimeoutMs: timeoutMs }),
      sourceRanges: kind === 'LoadBalancer' ? sourceRangesOf(spec, family) : [],
    }
  }
  const isOfFamily = (ip: string) => familyOf(ip) === family
  const anywhere = family === 6 ? '::' : '0.0.0.0'
  return [
    ...clusterIPsOf(spec)
      .filter(isOfFamily)
      .map((ip) => make('ClusterIP', ip, port.port, inside)),
    ...spec.externalIps.filter(isOfFamily).map((ip) => make('ExternalIP', ip, port.port, outside)),
    ...ingressIPsOf(set, spec)
      .filter(isOfFamily)
      .map((ip) => make('LoadBalancer', ip, port.port, outside)),
    ...(hasNodePorts(spec) && port.nodePort > 0
      ? [make('NodePort', anywhere, port.nodePort, outside)]
      : []),
  ]
}

function clusterIPsOf({ clusterIp, clusterIps }: Spec): readonly string[] {
  const ips = clusterIps.length > 0 ? clusterIps : [clusterIp]
  return ips.filter((ip) => isIP(ip) !== 0)
}

/** Traffic to an address of mode Proxy goes through the load balancer, not past it (KEP-1860). */
function ingressIPsOf({ definition }: EndpointSet, spec: Spec): readonly string[] {
  if (spec.type !== 'LoadBalancer') return []
  const ingress = definition?.status?.loadBalancer?.ingress ?? []
  return ingress
    .filter(({ ip, ipMode }) => isIP(ip) !== 0 && ipMode !== 'Proxy')
    .map(({ ip }) => ip)
}

function sourceRangesOf(spec: Spec, family: IPFamily): readonly string[] {
  const ranges = spec.loadBalancerSourceRanges.map((range) => range.trim())
  const ofFamily = ranges.filter((range) => range.includes(':') === (family === 6))
  // Ranges of the other family alone let nobody of this one in.
  return ranges.length > 0 && ofFamily.length === 0 ? ranges : ofFamily
}

function affinityTimeoutMs(spec: Spec): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined
  return (spec.sessionAffinityConfig?.clientIp?.timeoutSeconds ?? AFFINITY_TIMEOUT_S) * 1000
}

function healthCheckOf(set: EndpointSet, spec: Spec, place: Place): HealthCheck | undefined {
  const port = spec.healthCheckNodePort
  if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local' || port === 0) {
    return undefined
  }
  const local = set.endpoints.filter((endpoint) => endpoint.ready && isLocal(endpoint, place))
  const { namespace, service } = set
  return { port, namespace, service, localEndpoints: local.length }
}

const hasNodePorts = ({ type }: Spec): boolean => type === 'NodePort' || type === 'LoadBalancer'

const familyOf = (ip: string): IPFamily => (isIP(ip) === 6 ? 6 : 4)
