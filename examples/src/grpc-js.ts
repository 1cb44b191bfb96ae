import { Client, credentials } from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import {
  GREETER_TARGET,
  GreeterService,
  type SayHelloRequest,
  type SayHelloResponse,
} from './greeter.ts'

/*
 * Calls the greeter with a plain grpc-js client, prints who answered, and why. Its
 * setting is in the environment:
 *
 *   ROSTER_REGISTRY  address of the registry, default 127.0.0.1:7400
 */
const { ROSTER_REGISTRY = '127.0.0.1:7400' } = process.env

const CALLS = 20
const CALL_TIMEOUT_MS = 5_000

/** Stands for any client that a generator has written: it takes an address and options. */
class GreeterClient extends Client {
  sayHello(request: SayHelloRequest): Promise<SayHelloResponse> {
    const { path, requestSerialize, responseDeserialize } = GreeterService.sayHello
    const deadline = Date.now() + CALL_TIMEOUT_MS
    return new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline },
        (error, response) => (response ? resolve(response) : reject(error)),
      )
    })
  }
}

const roster = connectRoster(ROSTER_REGISTRY)
const greeter = new GreeterClient(
  GREETER_TARGET,
  credentials.createInsecure(),
  roster.channelOptions(),
)

for (let call = 0; call < CALLS; call += 1) {
  const { message, pod } = await greeter.sayHello({ name: 'grpc-js' })
  process.stdout.write(`${pod}: ${message}\n`)
}
process.stdout.write(`${roster.explain(GREETER_TARGET)}\n`)

greeter.close()
await roster.close()
