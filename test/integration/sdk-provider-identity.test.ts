import * as grpc from '@grpc/grpc-js'
import type { Roster } from '@roster/client'
import { createServer } from 'nice-grpc'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EchoService } from '../support/echo-backend.ts'
import { SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

const HEADER = 'roster-pod-uid'
const { echo } = EchoService
const tail = { ...echo, path: '/test.v1.EchoService/Tail', responseStream: true } as const

interface Message {
  readonly name: string
}

/** A server on a free port that guards itself, and the pod it is; answers count as handled. */
type Guarded = (roster: Roster, handled: () => void) => Promise<number>

const grpcJs: Guarded = async (roster, handled) => {
  const server = new grpc.Server({ interceptors: [roster.serverInterceptor] })
  world.onClose(() => server.forceShutdown())
  server.addService({ echo, tail } as grpc.ServiceDefinition, {
    echo: (_: unknown, done: grpc.sendUnaryData<Message>) => {
      handled()
      done(null, { name: 'answer' })
    },
    tail: (call: grpc.ServerWritableStream<Message, Message>) => {
      handled()
      call.write({ name: 'answer' })
      call.end()
    },
  })
  return new Promise((resolve) => {
    const insecure = grpc.ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', insecure, (_, port) => resolve(port))
  })
}

const niceGrpc: Guarded = async (roster, handled) => {
  const server = createServer().use(roster.serverMiddleware)
  world.onClose(() => server.forceShutdown())
  server.add(
    { echo, tail },
    {
      echo: async () => {
        handled()
        return { name: 'answer' }
      },
      tail: async function* () {
        handled()
        yield { name: 'answer' }
      },
    },
  )
  return server.listen('127.0.0.1:0')
}

/** Calls both methods; what came of each. */
async function call(port: number, uid: string | undefined): Promise<readonly string[]> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  world.onClose(() => client.close())
  const metadata = new grpc.Metadata()
  if (uid !== undefined) metadata.set(HEADER, uid)
  const { requestSerialize: write, responseDeserialize: read } = echo
  const unary = new Promise<string>((resolve) => {
    client.makeUnaryRequest(echo.path, write, read, { name: '' }, metadata, (error, answer) =>
      resolve(error?.message ?? answer?.name ?? ''),
    )
  })
  const stream = new Promise<string>((resolve) => {
    const answers = client.makeServerStreamRequest(tail.path, write, read, { name: '' }, metadata)
    answers.on('data', ({ name }: Message) => resolve(name))
    answers.on('error', ({ message }) => resolve(message))
  })
  return Promise.all([unary, stream])
}

describe.each([
  ['grpc-js', grpcJs],
  ['nice-grpc', niceGrpc],
])('a %s server that knows its pod', (_, serve) => {
  async function start() {
    const roster = world.connect('127.0.0.1:1', { onEvent: () => {} })
    let count = 0
    const port = await serve(roster, () => {
      count += 1
    })
    return { roster, port, handled: () => count }
  }

  it('answers calls meant for it, and calls that name no pod', async () => {
    const { roster, port } = await start()
    const { uid } = roster.register({ ports: [] })
    const answers = [...(await call(port, uid)), ...(await call(port, undefined))]
    expect(answers).toEqual(['answer', 'answer', 'answer', 'answer'])
  })

  it('refuses calls meant for another before they reach a handler, and names both', async () => {
    const { roster, port, handled } = await start()
    const { uid } = roster.register({ ports: [] })
    const answers = await call(port, 'somebody-else')
    const refusal = new RegExp(`^14 UNAVAILABLE: .*somebody-else.*${uid}`)
    expect(answers).toEqual([expect.stringMatching(refusal), expect.stringMatching(refusal)])
    expect(handled()).toBe(0)
  })

  it('refuses them too while it is no pod yet', async () => {
    const { port } = await start()
    const refusal = /^14 UNAVAILABLE: .*somebody-else.*no pod yet/
    expect(await call(port, 'somebody-else')).toEqual([
      expect.stringMatching(refusal),
      expect.stringMatching(refusal),
    ])
  })

  it('names its latest pods in a refusal, which stays short enough to arrive', async () => {
    const { roster, port } = await start()
    const uids = Array.from({ length: 2_500 }, () => roster.register({ ports: [] }).uid)
    const latest = uids.slice(-3).join(', ')
    const refusal = `this process is ${latest} and 2497 before: resolve the service again`
    expect(await call(port, 'somebody-else')).toEqual([
      expect.stringContaining(refusal),
      expect.stringContaining(refusal),
    ])
  })

  it('answers those on their way to it when it has left', async () => {
    const { roster, port } = await start()
    const registration = roster.register({ ports: [], drain: { propagateMs: 0 } })
    await registration.drain()
    expect(await call(port, registration.uid)).toEqual(['answer', 'answer'])
  })
})
