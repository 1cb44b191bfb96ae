import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { HealthCheck } from '../model/frontend.ts'

export interface HealthCheckServersOptions {
  /** IPs to listen at. */
  readonly addresses: readonly string[]
  readonly log: Logger
}

interface Entry {
  check: HealthCheck
  readonly servers: readonly Server[]
}

/**
 * The health check node ports: load balancers ask there whether this node has ready
 * endpoints of a service with externalTrafficPolicy Local, and get 200 or 503. Answers
 * as kube-proxy does (pkg/proxy/healthcheck/service_health.go).
 */
export class HealthCheckServers {
  readonly #addresses: readonly string[]
  readonly #log: Logger
  readonly #entries = new Map<number, Entry>()

  constructor({ addresses, log }: HealthCheckServersOptions) {
    this.#addresses = addresses
    this.#log = log
  }

  update(checks: readonly HealthCheck[]): void {
    const ports = new Set(checks.map(({ port }) => port))
    for (const [port, entry] of this.#entries) {
      if (ports.has(port)) continue
      this.#entries.delete(port)
      for (const server of entry.servers) stop(server)
    }
    for (const check of checks) {
      const entry = this.#entries.get(check.port)
      if (entry) entry.check = check
      else this.#listen(check)
    }
  }

  /** Closes all ports. */
  close(): void {
    this.update([])
  }

  #listen(check: HealthCheck): void {
    const servers = this.#addresses.map((address) => {
      const server = createServer((request, response) => {
        // Probes carry nothing worth reading.
        request.resume()
        respond(response, this.#entries.get(check.port)?.check ?? check)
      })
      server.on('error', ({ message }) =>
        this.#log.warn(
          { service: `${check.namespace}/${check.service}` },
          `cannot answer health checks at ${address}:${check.port}: ${message}`,
        ),
      )
      return server.listen(check.port, address).unref()
    })
    this.#entries.set(check.port, { check, servers })
  }
}

function respond(response: ServerResponse, check: HealthCheck): void {
  const { namespace, service: name, localEndpoints } = check
  response.writeHead(localEndpoints > 0 ? 200 : 503, {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'x-load-balancing-endpoint-weight': String(localEndpoints),
  })
  response.end(
    JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }),
  )
}

function stop(server: Server): void {
  server.close()
  server.closeAllConnections()
}
