import { boundPortsOf } from './grpc/adapter.ts'
import { RosterError } from './roster-error.ts'
import type { DrainableServer } from './server-shutdown.ts'

/**
 * The one port a server is bound to. A grpc-js Server knows it, a nice-grpc one
 * keeps it to itself. Throws FAILED_PRECONDITION, saying what to do, when it is not
 * bound, bound to several, or does not tell.
 */
export function boundPortOf(server: DrainableServer): number {
  const ports = boundPortsOf(server)
  const [port, ...others] = ports ?? []
  if (port !== undefined && others.length === 0) return port
  const problem =
    ports === undefined
      ? 'the server does not tell its port (nice-grpc servers do not)'
      : port === undefined
        ? 'the server is not bound to a port yet: register it after bindAsync'
        : `the server is bound to ports ${ports.join(', ')}`
  throw new RosterError(
    'FAILED_PRECONDITION',
    `${problem}; or give its port with ports: [{ name: 'grpc', containerPort: … }]`,
  )
}
