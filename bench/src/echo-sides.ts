import { fileURLToPath } from 'node:url'
import { type ChannelOptions, Client, credentials } from '@grpc/grpc-js'
import { echoMethod } from './echo-method.ts'
import { ECHO_TARGET, startEchoService } from './echo-service.ts'
import { ServerProcess } from './server-process.ts'

const serversFile = fileURLToPath(new URL('./echo-servers.js', import.meta.url))

/** Ways to call the same servers, and how to stop it all. */
export interface EchoSides {
  /** Through the SDK and a registry, as it is without settings. */
  roster(): Client
  /** grpc-js alone, with its round_robin and the addresses by hand. */
  grpcJs(): Client
  close(): Promise<void>
}

/**
 * Starts servers in a process of their own, each working so many milliseconds on a
 * call, and a registry with all of them behind one service.
 */
export async function startEchoSides(workMs: readonly number[]): Promise<EchoSides> {
  const servers = new ServerProcess(process.execPath, [serversFile, ...workMs.map(String)])
  const ports = (await servers.printed(/ports ([\d ]+)\n/)).split(' ').map(Number)
  const service = await startEchoService()
  for (const [i, port] of ports.entries()) await service.add(`echo-${i}`, port)
  const clients: Client[] = []
  const open = (target: string, options: ChannelOptions) => {
    const client = new Client(target, credentials.createInsecure(), options)
    clients.push(client)
    return client
  }
  return {
    roster: () => open(ECHO_TARGET, service.roster.channelOptions()),
    grpcJs: () => open(`ipv4:${ports.map((port) => `127.0.0.1:${port}`)}`, PLAIN_OPTIONS),
    close: async () => {
      for (const client of clients) client.close()
      await service.close()
      await servers.stop()
    },
  }
}

const PLAIN_OPTIONS: ChannelOptions = {
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
}

/** Greatest time a call may take, in milliseconds. */
export const CALL_DEADLINE_MS = 2_000

/** Makes one call; the name of the server that answered. */
export function callEcho(client: Client): Promise<string> {
  const deadline = Date.now() + CALL_DEADLINE_MS
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      echoMethod.path,
      echoMethod.requestSerialize,
      echoMethod.responseDeserialize,
      'hello',
      { deadline },
      (error, name) => (error ? reject(error) : resolve(name ?? '')),
    )
  })
}
