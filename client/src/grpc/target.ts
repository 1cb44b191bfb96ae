import { RosterError } from '../roster-error.ts'

/** Scheme of the targets the SDK resolves. */
export const SCHEME = 'roster'

/** Namespace of a target that names none. */
const DEFAULT_NAMESPACE = 'default'

/** What a target names. */
export interface Target {
  /** Address of the registry, `host:port`; empty: that of the connection it is used with. */
  readonly registry: string
  /** Namespace of the service. */
  readonly namespace: string
  /** Name of the service. */
  readonly service: string
  /** Name or number of the service's port; absent: the only one, or the first. */
  readonly port?: string | number
}

/**
 * Reads a target:
 *
 *     roster:///orders                     service orders in namespace default
 *     roster:///shop/orders                service orders in namespace shop
 *     roster:///shop/orders:grpc           its port named grpc
 *     roster:///shop/orders:8080           its port 8080
 *     roster://registry:7400/shop/orders   as the registry at that address has it
 *     shop/orders                          short for roster:///shop/orders
 *
 * Throws INVALID when it is none of these.
 */
export function parseTarget(text: string): Target {
  if (typeof text !== 'string') {
    throw new RosterError('INVALID', `a target must be a string, e.g. shop/orders: ${text}`)
  }
  const match = /^roster:(?:\/\/([^/]*)\/)?(.*)$/.exec(text)
  return match ? parseTargetParts(match[1] ?? '', match[2] ?? '') : parseTargetParts('', text)
}

/** Reads a target that has been cut into authority and path already, as grpc-js does. */
export function parseTargetParts(registry: string, path: string): Target {
  const match = /^(?:([^/:]+)\/)?([^/:]+)(?::([^/:]+))?$/.exec(path)
  const [, namespace = DEFAULT_NAMESPACE, service = '', portText] = match ?? []
  if (!match || !LABEL.test(namespace) || !SERVICE.test(service)) throw invalid(registry, path)
  if (portText === undefined) return { registry, namespace, service }
  const port = parsePort(portText)
  if (port === undefined) throw invalid(registry, path)
  return { registry, namespace, service, port }
}

/** Writes a target in full, so that two that mean the same are equal as text. */
export function printTarget(target: Target): string {
  const port = target.port === undefined ? '' : `:${target.port}`
  return `${SCHEME}://${target.registry}/${target.namespace}/${target.service}${port}`
}

/** DNS-1123 label (RFC 1123 §2.1), as namespaces and port names are. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** DNS-1035 label (RFC 1035 §2.3.1), as service names are. */
const SERVICE = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/

function parsePort(text: string): string | number | undefined {
  if (!/^\d+$/.test(text)) return LABEL.test(text) ? text : undefined
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : undefined
}

const invalid = (registry: string, path: string): RosterError =>
  new RosterError(
    'INVALID',
    `invalid target "${SCHEME}://${registry}/${path}": expected ${SCHEME}:///namespace/service:port, where namespace and port may be left out`,
  )
