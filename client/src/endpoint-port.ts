import type { Endpoint, EndpointPort, EndpointSet } from './endpoint-set.ts'

/**
 * The port of an endpoint that a target means: by the service's port name or
 * number; the service's only or first TCP port when the target names none.
 * Undefined when the endpoint does not have it.
 */
export function portOf(
  set: EndpointSet,
  endpoint: Endpoint,
  wanted: string | number | undefined,
): number | undefined {
  const ports = endpoint.ports.filter(isTcp)
  if (typeof wanted === 'string') return ports.find((port) => port.name === wanted)?.port
  const defined = (set.definition?.spec?.ports ?? []).filter(isTcp)
  if (wanted === undefined) {
    const first = defined[0]
    return (first ? ports.find((port) => port.name === first.name) : ports[0])?.port
  }
  const name = defined.find((port) => port.port === wanted)?.name
  const match = ports.find((port) =>
    name === undefined ? port.port === wanted : port.name === name,
  )
  return match?.port
}

/** Which port is missing and which there are, for the error of a call. */
export function whyNoPort(set: EndpointSet, wanted: string | number | undefined): string {
  const name = `${set.namespace}/${set.service}`
  const ports = set.definition?.spec?.ports ?? distinctPorts(set)
  const list = ports.map((port) =>
    port.name === '' ? `${port.port}` : `${port.name} (${port.port})`,
  )
  const asked = wanted === undefined ? 'TCP port its ready endpoints have' : `TCP port ${wanted}`
  return `service ${name} has no ${asked}: its ports are ${list.join(', ') || 'none'}`
}

const isTcp = (port: { readonly protocol: string }): boolean =>
  port.protocol === 'TCP' || port.protocol === ''

function distinctPorts(set: EndpointSet): readonly EndpointPort[] {
  const byName = new Map<string, EndpointPort>()
  for (const endpoint of set.endpoints) {
    for (const port of endpoint.ports) if (!byName.has(port.name)) byName.set(port.name, port)
  }
  return [...byName.values()]
}
