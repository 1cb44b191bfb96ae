import { CatalogService, EndpointService, LeaseService, PodService } from '@roster/proto'
import { type ChannelOptions, createChannel, createClientFactory } from 'nice-grpc'
import { errorDetailsClientMiddleware } from 'nice-grpc-error-details'

/** Typed clients of one registry over one connection of their own. */
export function connect(address: string, options: ChannelOptions = {}) {
  const channel = createChannel(address, undefined, {
    // A connection of its own, so that closing it breaks only its own streams.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    ...options,
  })
  const factory = createClientFactory().use(errorDetailsClientMiddleware)
  return {
    catalog: factory.create(CatalogService, channel),
    pods: factory.create(PodService, channel),
    endpoints: factory.create(EndpointService, channel),
    leases: factory.create(LeaseService, channel),
    close: () => channel.close(),
  }
}

export type Clients = ReturnType<typeof connect>

/** A service `demo/web` that selects app=web and one port 80 -> http. */
export const webService = (name = 'web', namespace = 'demo') => ({
  service: {
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 'http' }] },
  },
})

export const webPod = (name: string, app = 'web', namespace = 'demo') => ({
  metadata: { name, namespace, labels: { app } },
  spec: { ports: [{ name: 'http', containerPort: 8080 }] },
  status: { podIps: ['127.0.0.1'] },
})
