import type { Pod, UpdatePodStatusRequest } from '@roster/proto'
import { CatalogService, EndpointService, PodService } from '@roster/proto'
import { requestHeaders } from './h2-connection.ts'
import type { Call } from './peer.ts'

/** Where a pod belongs: services select by label `app`, here always the service's own name. */
export interface PodName {
  readonly namespace: string
  /** Service it stands behind. */
  readonly service: string
  /** Makes its name and address unique, 0 to 2^24 - 1. */
  readonly number: number
}

const headersOf = new Map<string, Buffer>()

interface Method<Request> {
  readonly path: string
  requestSerialize(value: Request): Uint8Array
}

function callOf<Request>(method: Method<Request>, request: Request): Call {
  let headers = headersOf.get(method.path)
  if (headers === undefined) {
    headers = requestHeaders(method.path)
    headersOf.set(method.path, headers)
  }
  return { path: method.path, headers, request: Buffer.from(method.requestSerialize(request)) }
}

/** Applies a ClusterIP service of one port that selects the pods made for it here. */
export function applyService(namespace: string, service: string): Call {
  return callOf(CatalogService.applyService, {
    service: {
      metadata: { namespace, name: service },
      spec: {
        selector: { app: service },
        ports: [{ name: 'grpc', port: 80, targetPort: 'grpc' }],
      },
    },
  })
}

/** Registers one pod that stays until it is deregistered. */
export function registerPod(name: PodName): Call {
  return callOf(PodService.registerPod, { pod: podOf(name) })
}

/** Registers up to 100 pods in one commit. */
export function registerPods(names: readonly PodName[]): Call {
  return callOf(PodService.registerPods, { pods: names.map(podOf) })
}

/** Changes what a pod says of itself. */
export function updatePodStatus(
  name: PodName,
  status: Pick<UpdatePodStatusRequest, 'weight' | 'ready'>,
): Call {
  const pod = { namespace: name.namespace, name: podNameOf(name) }
  return callOf(PodService.updatePodStatus, { ...pod, ...status })
}

/** Asks for the endpoints of one service. */
export function resolveEndpoints(namespace: string, service: string): Call {
  return callOf(EndpointService.resolveEndpoints, { namespace, service })
}

/** Watches one service, or, with an empty name, all of the namespace. */
export function watchEndpoints(namespace: string, service: string): Call {
  return callOf(EndpointService.watchEndpoints, { subscribe: { namespace, service } })
}

const podNameOf = (name: PodName) => `${name.service}-${name.number}`

function podOf(name: PodName): Pod {
  const { namespace, service, number } = name
  return {
    metadata: { namespace, name: podNameOf(name), labels: { app: service } },
    spec: {
      ports: [{ name: 'grpc', containerPort: 8080 }],
      nodeName: `node-${number % 50}`,
      zone: `zone-${number % 3}`,
    },
    status: { podIps: [`10.${number >>> 16}.${(number >>> 8) & 255}.${number & 255}`] },
  }
}
