import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Backend, echo, echoMany, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

const roundRobin = (ejection: object | false) => ({ policy: 'round_robin', ejection })
/** Looks at the shares of failures often, and never at failures in a row. */
const byInterval = roundRobin({
  intervalMs: 100,
  consecutiveFailures: 0,
  failurePercentage: { requestVolume: 5 },
})
const inARow = roundRobin({ baseEjectionMs: 60_000 })

const answersWith = (code: grpc.status) => () => {
  throw Object.assign(new Error('sick'), { code })
}

/** A channel to backends, connected to all of them. */
async function connected(names: readonly string[], config: object) {
  const backends = await Promise.all(names.map((name) => startBackend(name)))
  for (const { kill } of backends) opened.push(kill)
  const channel = new PushedChannel()
  opened.push(() => channel.close())
  const push = (next: object) =>
    channel.push(
      backends.map((backend) => endpointAt(backend)),
      next,
    )
  push(config)
  await vi.waitFor(async () => {
    await echo(channel.client)
    expect(names.filter((name) => channel.stats(name).state !== 'READY')).toEqual([])
  })
  return { backends, channel, client: channel.client, push }
}

/** Names of those that answer, of many calls. */
const answering = async (client: grpc.Client) =>
  [...(await echoMany(client, 20)).answers.keys()].sort()

const typesOf = ({ events }: PushedChannel) => events.map(({ type }) => type)
const makeSick = (backend: Backend) => {
  backend.beforeAnswer = answersWith(grpc.status.UNAVAILABLE)
}

describe('an endpoint that answers with errors', () => {
  it('is ejected after an interval, its connection having stood all the time', async () => {
    const { backends, channel, client } = await connected(['a', 'b', 'c'], byInterval)
    backends[0]!.beforeAnswer = answersWith(grpc.status.INTERNAL)
    await vi.waitFor(
      async () => {
        expect((await echoMany(client, 30)).errors).toEqual([])
      },
      { timeout: 5_000 },
    )
    expect(channel.events).toContainEqual({
      type: 'ejected',
      target: 'shop/web',
      endpoint: 'a',
      reason: expect.stringContaining('calls failed'),
      forMs: expect.any(Number),
    })
    expect(backends[0]!.peers.size).toBe(1)
  })

  it('is ejected at once after five failures in a row', async () => {
    const { backends, client } = await connected(['a', 'b', 'c'], inARow)
    makeSick(backends[0]!)
    const { errors } = await echoMany(client, 60)
    expect(errors).toHaveLength(5)
  })

  it('comes back by time and serves again', async () => {
    const config = roundRobin({ baseEjectionMs: 200 })
    const { backends, channel, client } = await connected(['a', 'b', 'c'], config)
    makeSick(backends[0]!)
    await echoMany(client, 20)
    backends[0]!.beforeAnswer = () => {}
    await vi.waitFor(async () => expect(await answering(client)).toEqual(['a', 'b', 'c']))
    expect(typesOf(channel)).toEqual(['ejected', 'returned'])
  })

  it('may be one of two', async () => {
    const { backends, client } = await connected(['a', 'b'], inARow)
    makeSick(backends[0]!)
    await echoMany(client, 20)
    expect((await echoMany(client, 20)).errors).toEqual([])
  })

  it('is not ejected when it is the only one', async () => {
    const { backends, channel, client } = await connected(['a'], inARow)
    makeSick(backends[0]!)
    await echoMany(client, 20)
    expect(typesOf(channel)).toEqual([])
  })

  it('stays when ejection is off', async () => {
    const { backends, client } = await connected(['a', 'b'], roundRobin(false))
    makeSick(backends[0]!)
    expect((await echoMany(client, 40)).errors).toHaveLength(20)
  })

  it('is ejected no more when ejection is turned off', async () => {
    const { backends, client, push } = await connected(['a', 'b'], inARow)
    makeSick(backends[0]!)
    await echoMany(client, 20)
    push(roundRobin(false))
    backends[0]!.beforeAnswer = () => {}
    expect(await answering(client)).toEqual(['a', 'b'])
  })
})

describe('when more than half would be out', () => {
  it('all are used, and the event says so', async () => {
    const { backends, channel, client } = await connected(['a', 'b', 'c'], inARow)
    makeSick(backends[0]!)
    makeSick(backends[1]!)
    await echoMany(client, 60)
    for (const backend of backends) backend.beforeAnswer = () => {}
    expect(await answering(client)).toEqual(['a', 'b', 'c'])
    expect(channel.events.at(-1)).toEqual({
      type: 'panic',
      target: 'shop/web',
      ejected: 2,
      endpoints: 3,
    })
  })

  it('and one of them is lost, the rest is used', async () => {
    const { backends, channel, client } = await connected(['a', 'b'], inARow)
    makeSick(backends[0]!)
    await echoMany(client, 20)
    backends[0]!.beforeAnswer = () => {}
    await backends[1]!.kill()
    await vi.waitFor(async () => expect(await answering(client)).toEqual(['a']))
    expect(channel.stats('a').ejectedUntil).toBeDefined()
  })
})

it('a connection that breaks with many calls on it does not eject its endpoint', async () => {
  const { backends, channel, client } = await connected(['a', 'b'], inARow)
  const [a] = backends
  a!.beforeAnswer = () => new Promise(() => {})
  const callsBefore = a!.calls
  const calls = Array.from({ length: 40 }, () => echo(client).catch(() => 'failed'))
  await vi.waitFor(() => expect(a!.calls).toBe(callsBefore + 20))
  await a!.kill()
  await Promise.all(calls)
  const again = await startBackend('a', a!.port)
  opened.push(again.kill)
  await vi.waitFor(async () => expect(await answering(client)).toEqual(['a', 'b']))
  expect(typesOf(channel)).toEqual([])
})
