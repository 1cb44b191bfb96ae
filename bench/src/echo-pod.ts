import { setTimeout as delay } from 'node:timers/promises'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { echoMethod } from './echo-method.ts'

/** How long a call is worked on, in milliseconds. */
const WORK_MS = 20

/**
 * A pod of bench/echo, as a process of its own: an echo server that registers itself.
 * Arguments: address of the registry, name. Prints when it is registered.
 */
const [address = '', name = ''] = process.argv.slice(2)
const server = new Server({ 'grpc.enable_channelz': 0 })
const echo = async (_: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
  await delay(WORK_MS)
  done(null, name)
}
server.addService({ echo: echoMethod }, { echo })
await new Promise<void>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error) =>
    error ? reject(error) : resolve(),
  )
})
const registration = connectRoster(address).register(server, {
  namespace: 'bench',
  name,
  labels: { app: 'echo' },
})
await registration.ready
process.stdout.write(`registered ${name}\n`)
