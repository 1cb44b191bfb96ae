import type {
  LabelSelectorRequirement,
  Service,
  Service__Output,
  ServicePort,
  ServicePort__Output,
  ServiceSpec,
  ServiceSpec__Output,
  SessionAffinityConfig,
} from '@roster/proto'
import type { Fields } from './fields.ts'
import { type Manifest, present, telling } from './manifest.ts'
import { type ManifestMeta, metaManifest, metaMessage } from './meta.ts'

/**
 * The message of a Service manifest (core/v1). A field Kubernetes does not know
 * is a problem; `spec.matchExpressions` is known here beyond it. The status is
 * the registry's and is left out.
 */
export function parseService(manifest: Fields, meta: ManifestMeta): Service {
  const fields = manifest.object('spec')
  const spec = fields === undefined ? {} : parseSpec(fields)
  if (fields === undefined) manifest.problem('spec', 'required')
  manifest.ignore('status')
  return { metadata: metaMessage(meta), spec }
}

function parseSpec(fields: Fields): ServiceSpec {
  const spec = present({
    type: fields.text('type'),
    ports: fields.objects('ports')?.map(parsePort),
    selector: fields.textMap('selector'),
    matchExpressions: fields.objects('matchExpressions')?.map(parseRequirement),
    clusterIp: fields.text('clusterIP'),
    clusterIps: fields.texts('clusterIPs'),
    ipFamilies: fields.texts('ipFamilies'),
    ipFamilyPolicy: fields.text('ipFamilyPolicy'),
    externalName: fields.text('externalName'),
    externalIps: fields.texts('externalIPs'),
    sessionAffinity: fields.text('sessionAffinity'),
    sessionAffinityConfig: parseAffinity(fields.object('sessionAffinityConfig')),
    internalTrafficPolicy: fields.text('internalTrafficPolicy'),
    externalTrafficPolicy: fields.text('externalTrafficPolicy'),
    healthCheckNodePort: fields.integer('healthCheckNodePort'),
    publishNotReadyAddresses: fields.truth('publishNotReadyAddresses'),
    allocateLoadBalancerNodePorts: fields.truth('allocateLoadBalancerNodePorts'),
    loadBalancerClass: fields.text('loadBalancerClass'),
    loadBalancerSourceRanges: fields.texts('loadBalancerSourceRanges'),
    loadBalancerIp: fields.text('loadBalancerIP'),
    trafficDistribution: fields.text('trafficDistribution'),
  })
  fields.refuseOthers()
  return spec
}

function parsePort(fields: Fields): ServicePort {
  const port = present({
    name: fields.text('name'),
    protocol: fields.text('protocol'),
    appProtocol: fields.text('appProtocol'),
    port: fields.integer('port'),
    targetPort: fields.integerOrText('targetPort'),
    nodePort: fields.integer('nodePort'),
  })
  fields.refuseOthers()
  return port
}

function parseRequirement(fields: Fields): LabelSelectorRequirement {
  const requirement = present({
    key: fields.text('key'),
    operator: fields.text('operator'),
    values: fields.texts('values'),
  })
  fields.refuseOthers()
  return requirement
}

function parseAffinity(fields: Fields | undefined): SessionAffinityConfig | undefined {
  if (fields === undefined) return undefined
  const clientIp = fields.object('clientIP')
  const timeoutSeconds = clientIp?.integer('timeoutSeconds')
  clientIp?.refuseOthers()
  fields.refuseOthers()
  return clientIp === undefined ? {} : { clientIp: present({ timeoutSeconds }) }
}

/** The manifest of a service, as `kubectl get -o yaml` would print it. */
export function serviceManifest(service: Service__Output): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    ...(service.metadata && { metadata: metaManifest(service.metadata) }),
    ...(service.spec && { spec: specManifest(service.spec) }),
    status: { loadBalancer: telling({ ingress: ingressManifest(service) }) },
  }
}

function specManifest(spec: ServiceSpec__Output): Manifest {
  return telling({
    allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts,
    clusterIP: spec.clusterIp,
    clusterIPs: spec.clusterIps,
    externalIPs: spec.externalIps,
    externalName: spec.externalName,
    externalTrafficPolicy: spec.externalTrafficPolicy,
    healthCheckNodePort: spec.healthCheckNodePort || undefined,
    internalTrafficPolicy: spec.internalTrafficPolicy,
    ipFamilies: spec.ipFamilies,
    ipFamilyPolicy: spec.ipFamilyPolicy,
    loadBalancerClass: spec.loadBalancerClass,
    loadBalancerIP: spec.loadBalancerIp,
    loadBalancerSourceRanges: spec.loadBalancerSourceRanges,
    matchExpressions: spec.matchExpressions.map((r) => telling({ ...r })),
    ports: spec.ports.map(portManifest),
    publishNotReadyAddresses: spec.publishNotReadyAddresses || undefined,
    selector: spec.selector,
    sessionAffinity: spec.sessionAffinity,
    sessionAffinityConfig: affinityManifest(spec),
    trafficDistribution: spec.trafficDistribution,
    type: spec.type,
  })
}

function affinityManifest({ sessionAffinityConfig: config }: ServiceSpec__Output): unknown {
  const seconds = config?.clientIp?.timeoutSeconds
  return seconds === undefined ? undefined : { clientIP: { timeoutSeconds: seconds } }
}

const portManifest = (port: ServicePort__Output): Manifest =>
  telling({
    appProtocol: port.appProtocol,
    name: port.name,
    nodePort: port.nodePort || undefined,
    port: port.port,
    protocol: port.protocol,
    targetPort: /^\d+$/.test(port.targetPort) ? Number(port.targetPort) : port.targetPort,
  })

const ingressManifest = (service: Service__Output): readonly Manifest[] =>
  (service.status?.loadBalancer?.ingress ?? []).map(({ hostname, ip, ipMode }) =>
    telling({ hostname, ip, ipMode }),
  )
