import type { EndpointSource } from '../endpoint-source.ts'
import { processWide } from '../process-wide.ts'
import { type EndpointStats, explainEndpoint } from './endpoint-stats.ts'

/** What can be asked of an open channel to a service. */
export interface OpenBalancer {
  /** Where its endpoints come from. */
  readonly source: EndpointSource | undefined
  /** `namespace/service`. */
  readonly target: string
  /** How it picks. */
  readonly policy: string
  /** Whether so many endpoints are ejected that all are used. */
  readonly isPanicking: boolean
  stats(): readonly EndpointStats[]
}

/** The balancers of all open channels of the process; each enters itself and leaves when it ends. */
export const openBalancers = processWide('openBalancers', () => new Set<OpenBalancer>())

/**
 * What the open channels to a service (`namespace/service`) know of its endpoints:
 * one entry for each endpoint and channel. Empty when there is no open channel.
 */
export const statsOf = (source: EndpointSource, target: string): readonly EndpointStats[] =>
  balancersOf(source, target).flatMap((balancer) => balancer.stats())

/** Text for people: why calls to a service (`namespace/service`) go where they go. */
export function explain(source: EndpointSource, target: string): string {
  const balancers = balancersOf(source, target)
  if (balancers.length === 0)
    return `no channel to ${target} is open: make a call through one first`
  return balancers.map(explainBalancer).join('\n\n')
}

const balancersOf = (source: EndpointSource, target: string): readonly OpenBalancer[] =>
  [...openBalancers].filter((open) => open.source === source && open.target === target)

function explainBalancer(balancer: OpenBalancer): string {
  const stats = balancer.stats()
  const connected = stats.filter(({ state }) => state === 'READY').length
  const ejected = stats.filter(({ ejectedUntil }) => ejectedUntil !== undefined).length
  const panic = balancer.isPanicking ? ', which are too many: all are used' : ''
  const head = `${balancer.target} by ${balancer.policy}: ${stats.length} endpoints, ${connected} connected, ${ejected} ejected${panic}`
  return [head, ...stats.map((endpoint) => `  ${explainEndpoint(endpoint)}`)].join('\n')
}
