import { isIP } from 'node:net'
import type { Endpoint, EndpointSet } from '@roster/client'

type Definition = NonNullable<EndpointSet['definition']>

/** One way into a service (core/v1 LoadBalancerIngress). */
export interface Ingress {
  /** Empty where there is a host name only. */
  readonly ip: string
  readonly hostname: string
  /** `VIP`: packets reach the node with this destination. `Proxy`: with the node's own. */
  readonly ipMode: string
}

/** A service of type LoadBalancer. */
export interface BalancedService {
  /** `namespace/name`. */
  readonly name: string
  /** The service as the registry told it: another object when it changed. */
  readonly definition: Definition
  readonly spec: NonNullable<Definition['spec']>
  /** Revision the service last changed at. */
  readonly revision: number
  /** What its status says. */
  readonly ingress: readonly Ingress[]
  readonly endpoints: readonly Endpoint[]
}

/** The service of a set; undefined when it is of another type. */
export function balancedService(set: EndpointSet | undefined): BalancedService | undefined {
  const { definition } = set ?? {}
  if (!set || definition?.spec?.type !== 'LoadBalancer') return undefined
  return {
    name: `${set.namespace}/${set.service}`,
    definition,
    spec: definition.spec,
    revision: definition.metadata?.revision ?? 0,
    ingress: definition.status?.loadBalancer?.ingress ?? [],
    endpoints: set.endpoints,
  }
}

/** The older service first, then by name: who was there first keeps what two want. */
export function bySeniority(a: BalancedService, b: BalancedService): number {
  return createdAtMs(a) - createdAtMs(b) || (a.name < b.name ? -1 : 1)
}

/** The addresses of one IP family in its status. */
export function ingressIPs({ ingress }: BalancedService, family: 4 | 6): readonly string[] {
  return ingress.map(({ ip }) => ip).filter((ip) => isIP(ip) === family)
}

function createdAtMs({ definition }: BalancedService): number {
  const { seconds = 0, nanos = 0 } = definition.metadata?.creationTimestamp ?? {}
  return Number(seconds) * 1000 + nanos / 1e6
}
