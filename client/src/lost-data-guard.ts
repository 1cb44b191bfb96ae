import { type Endpoint, type EndpointSet, hashOf } from './endpoint-set.ts'

/** How long endpoints stay in use that a registry without its data does not know, in milliseconds. */
export const PROTECTED_MS = 15_000

/**
 * The ready endpoints of a set that are missing from the next one, if they are so
 * many that a registry which lost its data explains it better than an end of the
 * pods: more than half of them, and at least two. Empty otherwise.
 */
export function suspiciousLosses(before: EndpointSet, after: EndpointSet): readonly Endpoint[] {
  const ready = before.endpoints.filter((endpoint) => endpoint.ready)
  const known = new Set(after.endpoints.map(({ id }) => id))
  const lost = ready.filter(({ id }) => !known.has(id))
  return lost.length >= 2 && lost.length * 2 > ready.length ? lost : []
}

/** The kept endpoints that the registry still does not know; undefined: there are none. */
export function unknownOf(kept: EndpointSet, said: EndpointSet): EndpointSet | undefined {
  const known = new Set(said.endpoints.map(({ id }) => id))
  const endpoints = kept.endpoints.filter(({ id }) => !known.has(id))
  return endpoints.length === 0 ? undefined : { ...kept, endpoints }
}

/** What the registry says, with endpoints it does not know. The service, too, as it was if need be. */
export function withKept(said: EndpointSet, kept: EndpointSet): EndpointSet {
  const definition = said.definition ?? kept.definition
  const endpoints = [...said.endpoints, ...kept.endpoints]
  return {
    ...said,
    ...(definition && { definition }),
    endpoints,
    emptyReason: 'EMPTY_REASON_UNSPECIFIED',
    hash: hashOf(endpoints),
  }
}
