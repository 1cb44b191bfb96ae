import { fileURLToPath } from 'node:url'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** Whom to greet. */
export interface SayHelloRequest {
  readonly name: string
}

/** The greeting, and the pod it comes from. */
export interface SayHelloResponse {
  readonly message: string
  readonly pod: string
}

type Unary<Request, Response> = MethodDefinition<Request, Response> & {
  readonly requestStream: false
  readonly responseStream: false
}

const loaded = loadSync(fileURLToPath(new URL('../greeter.proto', import.meta.url)), {
  defaults: true,
})
const service = loaded['demo.v1.GreeterService'] as ServiceDefinition

/** demo.v1.GreeterService, for grpc-js and nice-grpc alike. */
export const GreeterService = {
  sayHello: service.SayHello as Unary<SayHelloRequest, SayHelloResponse>,
}

/** Namespace the greeter lives in unless NAMESPACE says otherwise. */
export const GREETER_NAMESPACE = 'demo'

/** Name of the greeter's service. */
export const GREETER_SERVICE = 'greeter'

/** What SDK clients dial. */
export const GREETER_TARGET = `roster:///${GREETER_NAMESPACE}/${GREETER_SERVICE}`

/** Label the greeter's service selects its pods by. */
const GREETER_LABELS = { app: GREETER_SERVICE }

/** Name of the port at which a greeter speaks gRPC. */
export const GREETER_PORT_NAME = 'grpc'

/** The greeter's Service, as one would write it in a Kubernetes manifest. */
export const greeterManifest = {
  metadata: { name: GREETER_SERVICE, namespace: GREETER_NAMESPACE },
  spec: {
    selector: GREETER_LABELS,
    ports: [{ name: GREETER_PORT_NAME, port: 50051, targetPort: GREETER_PORT_NAME }],
  },
}
