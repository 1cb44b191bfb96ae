import type { EndpointSet__Output, Service__Output, ServicePort__Output } from '@roster/proto'
import { printReady, printReason } from './addresses.ts'
import { details, NONE, printLabels, sortedPairs } from './table.ts'

type Pair = readonly [name: string, value: string | readonly string[]]

/** What `kubectl describe service` says, and the endpoints of the moment. */
export function describeService(service: Service__Output, set: EndpointSet__Output): string {
  const { metadata, spec, status } = service
  const ingress = (status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname)
  const pairs: readonly Pair[] = [
    ['Name', metadata?.name ?? ''],
    ['Namespace', metadata?.namespace ?? ''],
    ['Labels', sortedPairs(metadata?.labels ?? {})],
    ['Annotations', sortedPairs(metadata?.annotations ?? {})],
    ['Selector', printSelector(service)],
    ['Type', spec?.type ?? ''],
    ['IP Family Policy', spec?.ipFamilyPolicy || NONE],
    ['IP Families', spec?.ipFamilies.join(',') || NONE],
    ['IP', spec?.clusterIp || NONE],
    ['IPs', spec?.clusterIps.join(',') || NONE],
    ...when(spec?.externalIps.join(','), 'External IPs'),
    ...when(spec?.externalName, 'External Name'),
    ...when(ingress.join(','), 'LoadBalancer Ingress'),
    ...(spec?.ports ?? []).flatMap(describePort),
    ['Endpoints', set.endpoints.length > 0 ? printReady(set) : emptySet(set)],
    ['Session Affinity', spec?.sessionAffinity || 'None'],
    ...when(spec?.externalTrafficPolicy, 'External Traffic Policy'),
    ...when(spec?.internalTrafficPolicy, 'Internal Traffic Policy'),
    ...when(spec?.trafficDistribution, 'Traffic Distribution'),
  ]
  return details(pairs)
}

const when = (value: string | undefined, name: string): readonly Pair[] =>
  value === undefined || value === '' ? [] : [[name, value]]

const emptySet = (set: EndpointSet__Output): string => `${NONE} (${printReason(set.emptyReason)})`

function printSelector({ spec }: Service__Output): string {
  const expressions = (spec?.matchExpressions ?? []).map((r) =>
    r.values.length === 0
      ? `${r.key} ${r.operator}`
      : `${r.key} ${r.operator} (${r.values.join(',')})`,
  )
  if (expressions.length === 0) return printLabels(spec?.selector ?? {})
  return [...sortedPairs(spec?.selector ?? {}), ...expressions].join(',')
}

function describePort(port: ServicePort__Output): readonly Pair[] {
  const name = port.name || '<unset>'
  return [
    ['Port', `${name}  ${port.port}/${port.protocol}`],
    ['TargetPort', `${port.targetPort}/${port.protocol}`],
    ...(port.nodePort > 0
      ? [['NodePort', `${name}  ${port.nodePort}/${port.protocol}`] as const]
      : []),
  ]
}
