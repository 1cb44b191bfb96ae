import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Metadata, status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { echo, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'
import type { AttemptListener } from '../grpc/adapter.ts'
import { AnswerHold } from './answer-hold.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const METHOD = '/test.v1.EchoService/Echo'

/** Hears answers through a hold, and notes what it is told. */
class Caller {
  readonly heard: string[] = []
  readonly #hold = new AnswerHold()

  /** Begins an attempt; what it is answered is told to what this returns. */
  begin(name = '', method = METHOD): AttemptListener {
    return this.#hold.listen(method, {
      onReceiveMetadata: () => this.heard.push(`${name}headers`),
      onReceiveMessage: (message: string) => this.heard.push(`${name}${message}`),
      onReceiveStatus: ({ code }) => this.heard.push(`${name}${status[code]}`),
    })
  }

  /** Makes calls that are answered with so many messages. */
  async learn(messages = 1): Promise<void> {
    const attempt = this.begin()
    answer(attempt, messages)
    end(attempt)
    await nextTurn()
    this.heard.length = 0
  }
}

function answer(attempt: AttemptListener, messages = 1): void {
  attempt.onReceiveMetadata(new Metadata())
  for (let i = 0; i < messages; i++) attempt.onReceiveMessage('message')
}

const end = (attempt: AttemptListener, code = status.OK) =>
  attempt.onReceiveStatus({ code, details: '', metadata: new Metadata() })

const ALL = ['headers', 'message', 'OK']

describe('an answer with one message', () => {
  it('is passed on when it is whole', async () => {
    const caller = new Caller()
    await caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    expect(caller.heard).toEqual([])
    end(attempt)
    expect(caller.heard).toEqual(ALL)
  })

  it('is passed on as it comes where nothing is known of the method', () => {
    const caller = new Caller()
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('leaves nothing but its failure when it breaks off', async () => {
    const caller = new Caller()
    await caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    end(attempt, status.UNAVAILABLE)
    expect(caller.heard).toEqual(['UNAVAILABLE'])
  })

  it('is passed on though its end is an error', async () => {
    const caller = new Caller()
    await caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    end(attempt, status.DEADLINE_EXCEEDED)
    expect(caller.heard).toEqual(['headers', 'message', 'DEADLINE_EXCEEDED'])
  })

  it('may be an error and no more', async () => {
    const caller = new Caller()
    await caller.learn()
    end(caller.begin(), status.NOT_FOUND)
    expect(caller.heard).toEqual(['NOT_FOUND'])
  })

  it('is passed on with the others of its turn, step by step', async () => {
    const caller = new Caller()
    await caller.learn()
    const attempts = ['a ', 'b '].map((name) => caller.begin(name))
    for (const attempt of attempts) answer(attempt)
    for (const attempt of attempts) end(attempt)
    expect(caller.heard).toEqual([])
    await nextTurn()
    expect(caller.heard).toEqual(ALL.flatMap((step) => [`a ${step}`, `b ${step}`]))
  })

  it('does not suffer from a caller that throws', async () => {
    const hold = new AnswerHold()
    const thrown: unknown[] = []
    const ends: string[] = []
    const nextTick = vi.spyOn(process, 'nextTick').mockImplementation((raise) => {
      try {
        raise()
      } catch (error) {
        thrown.push(error)
      }
    })
    const call = (name: string, onReceiveMetadata: () => void) =>
      hold.listen(METHOD, {
        onReceiveMetadata,
        onReceiveMessage: () => {},
        onReceiveStatus: () => ends.push(name),
      })
    const first = call('first', () => {})
    answer(first)
    end(first)
    const broken = new Error('no')
    const attempts = [
      call('broken', () => {
        throw broken
      }),
      call('other', () => {}),
    ]
    for (const attempt of attempts) answer(attempt)
    for (const attempt of attempts) end(attempt)
    await nextTurn()
    nextTick.mockRestore()
    expect({ ends, thrown }).toEqual({ ends: ['first', 'broken', 'other'], thrown: [broken] })
  })
})

describe('a stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('is passed on as it comes once a second message has been seen', async () => {
    const caller = new Caller()
    answer(caller.begin(), 2)
    // Later it ends after one, which proves nothing.
    const short = caller.begin()
    answer(short)
    end(short)
    caller.heard.length = 0
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('that was taken for a single message is a second late at most, and only once', async () => {
    const caller = new Caller()
    const known = caller.begin()
    answer(known)
    end(known)
    caller.heard.length = 0
    const attempt = caller.begin()
    answer(attempt)
    await vi.advanceTimersByTimeAsync(400)
    expect(caller.heard).toEqual([])
    await vi.advanceTimersByTimeAsync(700)
    expect(caller.heard).toEqual(['headers', 'message'])
    attempt.onReceiveMessage('second')
    expect(caller.heard).toEqual(['headers', 'message', 'second'])
    caller.heard.length = 0
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('leaves no timer behind when nothing is held', async () => {
    const caller = new Caller()
    const known = caller.begin()
    answer(known)
    end(known)
    const attempt = caller.begin()
    answer(attempt)
    end(attempt)
    await vi.advanceTimersByTimeAsync(1_100)
    expect(vi.getTimerCount()).toBe(0)
  })
})

/** Answers a few calls whole; then with headers and a message, and cuts the connection. */
async function startBreakingServer() {
  let wholeAnswers = 0
  let broken = 0
  const message = Buffer.concat([Buffer.of(0, 0, 0, 0, 6), Buffer.from('broken')])
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    const headers = { ':status': 200, 'content-type': 'application/grpc' }
    stream.respond(headers, { waitForTrailers: true })
    if (wholeAnswers > 0) {
      wholeAnswers -= 1
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(message)
      return
    }
    broken += 1
    stream.on('error', () => {})
    stream.write(message, () => stream.session?.destroy())
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  opened.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    broken: () => broken,
    answerWhole: (calls: number) => {
      wholeAnswers = calls
    },
  }
}

it('a call is tried elsewhere when the connection is lost in the middle of its answer', async () => {
  const breaking = await startBreakingServer()
  const whole = await startBackend('whole')
  opened.push(whole.kill)
  const channel = new PushedChannel({ attempts: 4 })
  opened.push(() => channel.close())
  const broken = endpointAt({ name: 'broken', port: breaking.port })
  breaking.answerWhole(1)
  channel.push([broken])
  expect(await echo(channel.client)).toBe('broken')
  channel.push([broken, endpointAt(whole)])
  const answers = new Set<string>()
  while (breaking.broken() < 3) answers.add(await echo(channel.client))
  expect([...answers]).toEqual(['whole'])
})
