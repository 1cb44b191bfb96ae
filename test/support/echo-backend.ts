import { type AddressInfo, createServer, type Socket } from 'node:net'
import * as grpc from '@grpc/grpc-js'

/** Says who is asked, or who answers. */
interface Message {
  readonly name: string
}

const codec = {
  serialize: ({ name }: Message) => Buffer.from(name),
  deserialize: (bytes: Uint8Array): Message => ({ name: Buffer.from(bytes).toString() }),
}

const method = {
  path: '/test.v1.EchoService/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: codec.serialize,
  requestDeserialize: codec.deserialize,
  responseSerialize: codec.serialize,
  responseDeserialize: codec.deserialize,
  options: {},
} as const

/** The same, for a caller to whom it matters that it runs once. */
const buy = { ...method, path: '/test.v1.EchoService/Buy' } as const

/** The service every backend serves, for grpc-js and nice-grpc: answers with the backend's name. */
export const EchoService = { echo: method, buy }

/** A real gRPC server on a free port of loopback. */
export interface Backend {
  readonly name: string
  port: number
  /** Stops listening, and calls back when the calls under way have ended. */
  tryShutdown: (done: (error?: Error) => void) => void
  /** Stops listening and cancels the calls under way. */
  forceShutdown: () => void
  /** Calls served so far. */
  readonly calls: number
  /** Connections that calls came over. */
  readonly peers: ReadonlySet<string>
  /** Called for each call before it is answered; what it throws becomes the status. */
  beforeAnswer: () => Promise<void> | void
  /** Called with the metadata of each call. */
  onMetadata: (metadata: grpc.Metadata) => void
  /** Cuts every connection and stops listening, as a crash does. */
  kill: () => Promise<void>
}

export async function startBackend(name: string, port = 0): Promise<Backend> {
  const server = new grpc.Server()
  const peers = new Set<string>()
  let calls = 0
  // Connections go through a listener of our own, so that kill can cut them as a crash does.
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure())
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).once('close', () => sockets.delete(socket))
    injector.injectConnection(socket)
  })
  const backend: Backend = {
    name,
    port: 0,
    peers,
    tryShutdown: (done) => {
      listener.close()
      server.tryShutdown(done)
    },
    forceShutdown: () => {
      listener.close()
      server.forceShutdown()
    },
    get calls() {
      return calls
    },
    beforeAnswer: () => {},
    onMetadata: () => {},
    kill: async () => {
      for (const socket of sockets) socket.destroy()
      backend.forceShutdown()
    },
  }
  const answer = (
    call: grpc.ServerUnaryCall<Message, Message>,
    done: grpc.sendUnaryData<Message>,
  ) => {
    calls += 1
    peers.add(call.getPeer())
    backend.onMetadata(call.metadata)
    Promise.resolve()
      .then(() => backend.beforeAnswer())
      .then(
        () => done(null, { name }),
        (error) => done(error),
      )
  }
  server.addService(EchoService, { echo: answer, buy: answer })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
  backend.port = (listener.address() as AddressInfo).port
  return backend
}

/** One call; the name of the backend that answered. */
export function echo(
  client: grpc.Client,
  options: {
    readonly deadlineMs?: number
    readonly waitForReady?: boolean
    /** Headers of the call. */
    readonly headers?: Readonly<Record<string, string>>
    /** Default: echo. */
    readonly method?: keyof typeof EchoService
  } = {},
): Promise<string> {
  const metadata = new grpc.Metadata({ waitForReady: options.waitForReady ?? false })
  for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value)
  const deadline = Date.now() + (options.deadlineMs ?? 5_000)
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      EchoService[options.method ?? 'echo'].path,
      method.requestSerialize,
      method.responseDeserialize,
      { name: 'whoever' },
      metadata,
      { deadline },
      (error, answer) => (error ? reject(error) : resolve(answer?.name ?? '')),
    )
  })
}

/** Calls one after the other; how often each backend answered, and the errors. */
export async function echoMany(client: grpc.Client, count: number) {
  const answers = new Map<string, number>()
  const errors: string[] = []
  for (let i = 0; i < count; i++) {
    try {
      const name = await echo(client)
      answers.set(name, (answers.get(name) ?? 0) + 1)
    } catch (error) {
      errors.push(String(error))
    }
  }
  return { answers, errors }
}
