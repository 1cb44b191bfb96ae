import type { EmptyReason__Output } from '@roster/proto'
import type { Endpoint, EndpointSet } from './endpoint-set.ts'

/** Where a caller runs: decides which endpoints are near. */
export interface Place {
  /** Name of its node. */
  readonly node?: string | undefined
  /** Zone of its node. */
  readonly zone?: string | undefined
}

/** The endpoints new calls may go to. */
export interface EndpointChoice {
  readonly endpoints: readonly Endpoint[]
  /** Why there are none, for the error of a call; undefined when there are some. */
  readonly reason?: string
}

/**
 * Chooses the endpoints that calls from a place go to, as kube-proxy does
 * (kubernetes pkg/proxy/topology.go):
 *
 * 1. the ready ones; when none is ready anywhere, those that still serve while
 *    they terminate (KEP-1669);
 * 2. with internalTrafficPolicy Local only those of the own node, by the same
 *    rule, and none when there are none there;
 * 3. else with trafficDistribution those of the own node or zone, where that
 *    leaves enough of them: see nearEndpoints.
 *
 * Beyond Kubernetes: weight 0 means no calls while others have some.
 */
export function chooseEndpoints(set: EndpointSet, place: Place): EndpointChoice {
  const spec = set.definition?.spec
  if (spec?.internalTrafficPolicy === 'Local') return chooseLocal(set, place)
  const { endpoints, areReady } = usable(set.endpoints)
  if (endpoints.length === 0) return { endpoints, reason: whyUnusable(set) }
  if (!areReady) return { endpoints }
  return { endpoints: nearEndpoints(endpoints, spec?.trafficDistribution, place) }
}

/** The endpoints new calls may go to, wherever they come from: step 1 of chooseEndpoints. */
export const usableEndpoints = (set: EndpointSet): readonly Endpoint[] =>
  usable(set.endpoints).endpoints

function chooseLocal(set: EndpointSet, { node }: Place): EndpointChoice {
  const name = `${set.namespace}/${set.service}`
  if (node === undefined) {
    const reason = `service ${name} has internalTrafficPolicy Local, and this client does not know its node: pass node to connectRoster`
    return { endpoints: [], reason }
  }
  const { endpoints } = usable(set.endpoints.filter(({ nodeName }) => nodeName === node))
  if (endpoints.length > 0) return { endpoints }
  const reason = `service ${name} has internalTrafficPolicy Local, and none of its ${set.endpoints.length} endpoints on node ${node} is ready`
  return { endpoints, reason }
}

function usable(candidates: readonly Endpoint[]) {
  const ready = candidates.filter((endpoint) => endpoint.ready)
  const areReady = ready.length > 0
  const served = areReady
    ? ready
    : candidates.filter((endpoint) => endpoint.serving && endpoint.terminating)
  const weighted = served.filter((endpoint) => endpoint.weight > 0)
  return { endpoints: weighted.length > 0 ? weighted : served, areReady }
}

/** How much more than its share a near endpoint may get: as Kubernetes' topology-mode Auto has it. */
const OVERLOAD_LIMIT = 1.2

/**
 * The endpoints near a place, or all of them. A service's preference is a hint:
 *
 * - it is ignored unless every endpoint says where it is and at least one is near
 *   (the rule for hints in kubernetes pkg/proxy/topology.go), and
 * - it is ignored where the near endpoints are too few. How many callers each zone
 *   has is not known here; taken as evenly spread over the zones with endpoints,
 *   a zone gets 1/zones of the calls and has its share of the weights to serve
 *   them. Where that is more than 1.2 times the average load, the zone's callers go
 *   to all endpoints. To all, and not with the surplus only: a partial spill would
 *   have to ride on the weights, which not every policy knows.
 */
function nearEndpoints(
  endpoints: readonly Endpoint[],
  distribution: string | undefined,
  { node, zone }: Place,
): readonly Endpoint[] {
  const wantsNode = distribution === 'PreferSameNode'
  const wantsZone = wantsNode || distribution === 'PreferSameZone' || distribution === 'PreferClose'
  const ofNode = wantsNode && enoughAt(endpoints, (endpoint) => endpoint.nodeName, node)
  return (
    ofNode || (wantsZone && enoughAt(endpoints, (endpoint) => endpoint.zone, zone)) || endpoints
  )
}

/** The endpoints at a location, if every one has a location and they can carry its calls. */
function enoughAt(
  endpoints: readonly Endpoint[],
  locationOf: (endpoint: Endpoint) => string,
  here: string | undefined,
): readonly Endpoint[] | undefined {
  if (here === undefined || here === '') return undefined
  const locations = new Set(endpoints.map(locationOf))
  if (locations.has('') || !locations.has(here)) return undefined
  const near = endpoints.filter((endpoint) => locationOf(endpoint) === here)
  const callsShare = 1 / locations.size
  const capacityShare = capacityOf(near) / capacityOf(endpoints)
  return callsShare <= OVERLOAD_LIMIT * capacityShare ? near : undefined
}

/** What endpoints can carry together; those that all have weight 0 carry the same each. */
const capacityOf = (endpoints: readonly Endpoint[]): number =>
  endpoints.reduce((sum, { weight }) => sum + weight, 0) || endpoints.length

/** Why no endpoint is usable from anywhere, for the error of a call that found none. */
export function whyUnusable(set: EndpointSet): string {
  const name = `${set.namespace}/${set.service}`
  if (set.endpoints.length > 0) {
    return `service ${name} has no ready endpoints: ${set.endpoints.length} not ready`
  }
  if (set.emptyReason === 'EMPTY_REASON_NO_SUCH_SERVICE') {
    return `service ${name} does not exist: apply it first, or check the namespace`
  }
  return `service ${name} has no endpoints: ${REASON_TEXT[set.emptyReason] ?? 'no reason given'}`
}

const REASON_TEXT: Readonly<Partial<Record<EmptyReason__Output, string>>> = {
  EMPTY_REASON_NO_SELECTOR_MATCH: 'no pod has the labels its selector asks for',
  EMPTY_REASON_SCALED_TO_ZERO: 'scaled to zero',
  EMPTY_REASON_LEASES_EXPIRED: 'the leases of its last pods ran out',
  EMPTY_REASON_NO_ADDRESS: 'its pods have no address, or have ended',
  EMPTY_REASON_NO_HAND_WRITTEN_ENDPOINTS:
    'it has no selector, and no endpoints were written by hand',
  EMPTY_REASON_EXTERNAL_NAME: 'it is an alias of an external name',
}
