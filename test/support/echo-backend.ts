import * as grpc from '@grpc/grpc-js'

const text = {
  serialize: (value: string) => Buffer.from(value),
  deserialize: (bytes: Buffer) => bytes.toString(),
}

const method = {
  path: '/test.v1.EchoService/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: text.serialize,
  requestDeserialize: text.deserialize,
  responseSerialize: text.serialize,
  responseDeserialize: text.deserialize,
  options: {},
} as const

/** The service every backend serves, for grpc-js and nice-grpc: answers with the backend's name. */
export const EchoService = { echo: method }

/** A real gRPC server on a free port of loopback. */
export interface Backend {
  readonly name: string
  readonly port: number
  readonly server: grpc.Server
  /** Calls served so far. */
  readonly calls: number
  /** Connections that calls came over. */
  readonly peers: ReadonlySet<string>
  /** Called for each call before it is answered; what it throws becomes the status. */
  beforeAnswer: () => Promise<void> | void
  /** Cuts every connection and stops listening, as a crash does. */
  kill(): Promise<void>
}

export async function startBackend(name: string, port = 0): Promise<Backend> {
  const server = new grpc.Server({ 'grpc.enable_channelz': 0 })
  const peers = new Set<string>()
  let calls = 0
  const backend = { beforeAnswer: (): Promise<void> | void => {} }
  server.addService(EchoService, {
    echo: (call: grpc.ServerUnaryCall<string, string>, done: grpc.sendUnaryData<string>) => {
      calls += 1
      peers.add(call.getPeer())
      Promise.resolve()
        .then(() => backend.beforeAnswer())
        .then(
          () => done(null, name),
          (error) => done(error),
        )
    },
  })
  const bound = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure()
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, actual) =>
      error ? reject(error) : resolve(actual),
    )
  })
  return Object.assign(backend, {
    name,
    port: bound,
    server,
    peers,
    get calls() {
      return calls
    },
    kill: async () => server.forceShutdown(),
  })
}

/** One call; the name of the backend that answered. */
export function echo(
  client: grpc.Client,
  options: { readonly deadlineMs?: number; readonly waitForReady?: boolean } = {},
): Promise<string> {
  const metadata = new grpc.Metadata({ waitForReady: options.waitForReady ?? false })
  const deadline = Date.now() + (options.deadlineMs ?? 5_000)
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      '',
      metadata,
      { deadline },
      (error, answer) => (error ? reject(error) : resolve(answer ?? '')),
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
