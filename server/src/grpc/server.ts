import { readFileSync } from 'node:fs'
import { ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js'
import {
  CatalogService,
  descriptorSetFile,
  EndpointService,
  LeaseService,
  PodService,
  serviceNames,
} from '@roster/proto'
import { createServer } from 'nice-grpc'
import { HealthDefinition, HealthServiceImpl, HealthState } from 'nice-grpc-server-health'
import { ServerReflection, ServerReflectionService } from 'nice-grpc-server-reflection'
import type { Logger } from 'pino'
import type { Drains } from '../registry/drains.ts'
import type { Leases } from '../registry/leases.ts'
import type { Pods } from '../registry/pods.ts'
import type { Services } from '../registry/services.ts'
import type { Slices } from '../registry/slices.ts'
import type { View } from '../registry/view.ts'
import type { WatchHub } from '../registry/watch-hub.ts'
import { tokenMiddleware } from './auth.ts'
import { catalogService } from './catalog.ts'
import { Connections } from './connections.ts'
import { endpointService } from './endpoints.ts'
import { leaseService } from './leases.ts'
import { podService } from './pods.ts'
import { PushCalls } from './push.ts'
import { errorMiddleware } from './status.ts'
import { untilStop } from './until-stop.ts'
import type { PodKnowledge } from './wire/pod.ts'

/** What the door opens onto. */
export interface GrpcRooms {
  readonly view: View
  readonly services: Services
  readonly pods: Pods
  readonly drains: Drains
  readonly slices: Slices
  readonly leases: Leases
  readonly hub: WatchHub
  readonly known: PodKnowledge
}

export interface GrpcOptions {
  /** `host:port`; port 0 picks a free one. */
  readonly listen: string
  /** Certificate chain and key in PEM. Absent: plain text. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
  /** Token callers must send. Absent: none. */
  readonly token?: string
  readonly log: Logger
}

/** The gRPC door, open. */
export interface GrpcServer {
  readonly port: number
  /** Lets calls finish, for at most `graceMs` milliseconds, then cuts the connections. */
  close(graceMs: number): Promise<void>
}

/** Bounds of the protocol: nobody's connection may cost without limit. */
const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  // What is sent is bounded by the page size and by the size of a service.
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 1_000,
  // A peer that is gone without a word is noticed after 15 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.enable_channelz': 0,
}

/** Opens the door. */
export async function listenGrpc(rooms: GrpcRooms, options: GrpcOptions): Promise<GrpcServer> {
  const calls = new PushCalls([EndpointService.watchEndpoints.path])
  const stopping = new AbortController()
  const connections = new Connections()
  const interceptors = [calls.interceptor]
  const bare = createServer({ ...CHANNEL_OPTIONS, interceptors }).use(errorMiddleware(options.log))
  const server = options.token === undefined ? bare : bare.use(tokenMiddleware(options.token))

  const { view, services, pods, drains, slices, leases, hub, known } = rooms
  server.add(CatalogService, catalogService(view, services))
  server.add(PodService, podService(view, pods, drains, known))
  server.add(EndpointService, endpointService(view, slices, hub, calls))
  server.add(LeaseService, leaseService(leases, stopping.signal))

  const health = HealthState()
  for (const name of ['', ...serviceNames]) health.setStatus('healthy', name)
  const healthService = HealthServiceImpl(health)
  server.add(HealthDefinition, {
    check: (request, context) => healthService.check(request, context),
    // A client that watches must not hold the stop up.
    watch: (request, context) => {
      const signal = AbortSignal.any([context.signal, stopping.signal])
      return healthService.watch(request, { ...context, signal })
    },
  })

  const shown = [...serviceNames, 'grpc.health.v1.Health']
  const reflected = ServerReflection(readFileSync(descriptorSetFile), shown)
  const reflection: typeof reflected = {
    // A tool that keeps its stream open must not hold the stop up either.
    serverReflectionInfo: (requests, context) =>
      reflected.serverReflectionInfo(untilStop(requests, stopping.signal), context),
  }
  server.add(ServerReflectionService, reflection)
  server.add(v1alpha(ServerReflectionService), reflection)

  const { tls } = options
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
  const port = await server.listen(options.listen, credentials).catch((error) => {
    connections.close()
    throw error
  })
  connections.port = port

  return {
    port,
    close: async (graceMs) => {
      for (const name of ['', ...serviceNames]) health.setStatus('unhealthy', name)
      stopping.abort()
      const timer = setTimeout(() => connections.destroy(), graceMs)
      try {
        const stopped = server.shutdown()
        connections.destroySilent()
        await stopped
      } finally {
        clearTimeout(timer)
        connections.close()
      }
    },
  }
}

/** The reflection service under its older name, which most installed tools still ask for. */
function v1alpha<T extends ServiceDefinition>(service: T): T {
  const methods = Object.entries(service).map(([name, method]) => [
    name,
    { ...method, path: method.path.replace('.v1.', '.v1alpha.') },
  ])
  return Object.fromEntries(methods) as T
}
