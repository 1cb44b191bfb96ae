import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Metadata, status } from '@grpc/grpc-js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { echo, echoMany, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'
import type { AttemptListener, OwnListener } from '../grpc/adapter.ts'
import { AnswerHold } from './answer-hold.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const METHOD = '/test.v1.EchoService/Echo'

/** A call whose request is sent to its end, or is not. */
const sent = (isSent: boolean) =>
  ({ http2Stream: { writableEnded: isSent } }) as unknown as OwnListener['call']

/** Hears answers through a hold, and notes what it is told. */
class Caller {
  readonly heard: string[] = []
  readonly #hold = new AnswerHold()

  /** Begins an attempt; what it is answered is told to what this returns. */
  begin(name = '', { isSent = true, onHeaders = () => {} } = {}): AttemptListener {
    const listener: AttemptListener = {
      onReceiveMetadata: () => {
        this.heard.push(`${name}headers`)
        onHeaders()
      },
      onReceiveMessage: (message: string) => this.heard.push(`${name}${message}`),
      onReceiveStatus: ({ code }) => this.heard.push(`${name}${status[code]}`),
    }
    const own = this.#hold.listen(METHOD, listener)
    if (own) own.call = sent(isSent)
    return own ?? listener
  }

  /** Makes as many calls as it takes to be known for unary. */
  learn(calls = 20): void {
    for (let n = 0; n < calls; n++) {
      const attempt = this.begin()
      answer(attempt)
      end(attempt)
    }
    this.heard.length = 0
  }
}

function answer(attempt: AttemptListener, messages = 1): void {
  attempt.onReceiveMetadata(new Metadata())
  for (let i = 0; i < messages; i++) attempt.onReceiveMessage('message')
}

const end = (attempt: AttemptListener, code = status.OK, rstCode?: number) =>
  attempt.onReceiveStatus({
    code,
    details: '',
    metadata: new Metadata(),
    ...(rstCode !== undefined && { rstCode }),
  })

const ALL = ['headers', 'message', 'OK']

describe('a unary answer', () => {
  it('is passed on when it is whole', () => {
    const caller = new Caller()
    caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    expect(caller.heard).toEqual([])
    end(attempt)
    expect(caller.heard).toEqual(ALL)
  })

  it('is passed on as it comes while the method is hardly known', () => {
    const caller = new Caller()
    caller.learn(19)
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('leaves nothing but its failure when it breaks off', () => {
    const caller = new Caller()
    caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    end(attempt, status.UNAVAILABLE, 2)
    expect(caller.heard).toEqual(['UNAVAILABLE'])
  })

  it.each([status.DEADLINE_EXCEEDED, status.UNAVAILABLE])(
    'is passed on though its server ended it with an error, %s',
    (code) => {
      const caller = new Caller()
      caller.learn()
      const attempt = caller.begin()
      answer(attempt)
      end(attempt, code)
      expect(caller.heard).toEqual(['headers', 'message', status[code]])
    },
  )

  it('may be an error and no more', () => {
    const caller = new Caller()
    caller.learn()
    end(caller.begin(), status.NOT_FOUND)
    expect(caller.heard).toEqual(['NOT_FOUND'])
  })

  it('is passed on with the others of its turn, step by step', async () => {
    const caller = new Caller()
    caller.learn()
    const attempts = ['a ', 'b '].map((name) => caller.begin(name))
    for (const attempt of attempts) answer(attempt)
    for (const attempt of attempts) end(attempt)
    expect(caller.heard).toEqual([])
    await nextTurn()
    expect(caller.heard).toEqual(ALL.flatMap((step) => [`a ${step}`, `b ${step}`]))
  })

  it('does not suffer from a caller that throws', async () => {
    const caller = new Caller()
    caller.learn()
    const thrown: unknown[] = []
    const real = process.nextTick
    const nextTick = vi.spyOn(process, 'nextTick').mockImplementation((callback, ...args) => {
      // As ever, but what is thrown ends here: others use it too.
      const caught = () => {
        try {
          callback(...args)
        } catch (error) {
          thrown.push(error)
        }
      }
      real.call(process, caught)
    })
    const broken = new Error('no')
    const onHeaders = () => {
      throw broken
    }
    const attempts = [caller.begin('a ', { onHeaders }), caller.begin('b ')]
    for (const attempt of attempts) answer(attempt)
    for (const attempt of attempts) end(attempt)
    await nextTurn()
    nextTick.mockRestore()
    expect(caller.heard).toEqual(ALL.flatMap((step) => [`a ${step}`, `b ${step}`]))
    expect(thrown).toEqual([broken])
  })
})

describe('a stream', () => {
  it('is passed on as it comes once a second message has been seen', () => {
    const caller = new Caller()
    answer(caller.begin(), 2)
    caller.learn()
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('is passed on as it comes when the request goes on', () => {
    const caller = new Caller()
    caller.learn(10)
    answer(caller.begin('', { isSent: false }))
    caller.heard.length = 0
    caller.learn()
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  // On the real clock: a timer must not depend on what else wakes the event loop.
  it('that was taken for unary is late once, also in a process that does nothing else', async () => {
    const caller = new Caller()
    caller.learn()
    const attempt = await new Promise<AttemptListener>((resolve) => {
      const begun = caller.begin('', { onHeaders: () => resolve(begun) })
      answer(begun)
    })
    attempt.onReceiveMessage('second')
    expect(caller.heard).toEqual(['headers', 'message', 'second'])
    caller.heard.length = 0
    answer(caller.begin())
    expect(caller.heard).toEqual(['headers', 'message'])
  })

  it('leaves no timer behind when nothing is held', async () => {
    vi.useFakeTimers()
    const caller = new Caller()
    caller.learn()
    const attempt = caller.begin()
    answer(attempt)
    end(attempt)
    await vi.advanceTimersByTimeAsync(600)
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
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
  breaking.answerWhole(20)
  channel.push([broken])
  const known = await echoMany(channel.client, 20)
  expect([...known.answers]).toEqual([['broken', 20]])
  channel.push([broken, endpointAt(whole)])
  const answers = new Set<string>()
  while (breaking.broken() < 3) answers.add(await echo(channel.client))
  expect([...answers]).toEqual(['whole'])
})

it('a call that ends with others is answered in the context of its own caller', async () => {
  const backend = await startBackend('a')
  opened.push(backend.kill)
  const channel = new PushedChannel()
  opened.push(() => channel.close())
  channel.push([endpointAt(backend)])
  await echoMany(channel.client, 20)
  const callers = new AsyncLocalStorage<number>()
  const text = { to: (to: string) => Buffer.from(to), from: (from: Buffer) => String(from) }
  const call = (caller: number) =>
    new Promise<boolean>((resolve) => {
      callers.run(caller, () => {
        channel.client.makeUnaryRequest(METHOD, text.to, text.from, 'x', () =>
          resolve(callers.getStore() === caller),
        )
      })
    })
  const isOwn = await Promise.all(Array.from({ length: 50 }, (_, caller) => call(caller)))
  expect(isOwn).not.toContain(false)
})
