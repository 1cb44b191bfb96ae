import * as grpc from '@grpc/grpc-js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { echo, echoMany, startBackend } from '../../../test/support/echo-backend.ts'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import { PushedChannel } from '../../../test/support/pushed-channel.ts'
import { explain, openBalancers, statsOf } from './channel-stats.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function start(name: string) {
  const backend = await startBackend(name)
  opened.push(backend.kill)
  return backend
}

function open(options: ConstructorParameters<typeof PushedChannel>[0] = {}): PushedChannel {
  const channel = new PushedChannel(options)
  opened.push(() => channel.close())
  return channel
}

describe('the figures of a channel', () => {
  it('are there for each endpoint', async () => {
    const a = await start('a')
    const channel = open()
    channel.push([endpointAt(a, { id: 'a/uid', zone: 'z1', weight: 50 })], {
      policy: 'round_robin',
    })
    await echoMany(channel.client, 3)
    expect(statsOf(channel.source, 'shop/web')).toEqual([
      {
        id: 'a/uid',
        pod: 'a',
        addresses: [`127.0.0.1:${a.port}`],
        zone: 'z1',
        state: 'READY',
        ready: true,
        inFlight: 0,
        ewmaMs: undefined,
        picks: 3,
        successes: 3,
        failures: 0,
        ejectedUntil: undefined,
        weight: 50,
        lastError: undefined,
      },
    ])
  })

  it('tell the latency that peak_ewma expects', async () => {
    const a = await start('a')
    const channel = open()
    channel.push([endpointAt(a)], { policy: 'peak_ewma' })
    await echoMany(channel.client, 10)
    expect(channel.stats('a').ewmaMs).toBeGreaterThan(0)
  })

  it('tell when an ejection ends', async () => {
    const [a, b] = [await start('a'), await start('b')]
    a.beforeAnswer = () => {
      throw Object.assign(new Error('sick'), { code: grpc.status.UNAVAILABLE })
    }
    const channel = open()
    channel.push([endpointAt(a), endpointAt(b)])
    await vi.waitFor(async () => {
      await echoMany(channel.client, 10)
      expect(channel.stats('a').ready).toBe(false)
    })
    const forMs = channel.stats('a').ejectedUntil!.getTime() - Date.now()
    expect(forMs).toBeGreaterThan(20_000)
  })

  it('are those of this source and service only', async () => {
    const a = await start('a')
    const [one, other] = [open(), open()]
    for (const channel of [one, other]) {
      channel.push([endpointAt(a)])
      await echo(channel.client)
    }
    expect([
      statsOf(one.source, 'shop/web').length,
      statsOf(one.source, 'shop/cart').length,
    ]).toEqual([1, 0])
  })

  it('are gone when the channel is closed', async () => {
    const a = await start('a')
    const channel = open()
    channel.push([endpointAt(a)])
    await echo(channel.client)
    channel.close()
    expect([...openBalancers].filter(({ source }) => source === channel.source)).toEqual([])
  })

  it('are gone while the channel is idle', async () => {
    const a = await start('a')
    const channel = open({ channel: { 'grpc.client_idle_timeout_ms': 1_000 } })
    channel.push([endpointAt(a)])
    await echo(channel.client)
    await vi.waitFor(() => expect(statsOf(channel.source, 'shop/web')).toEqual([]), {
      timeout: 5_000,
    })
  })
})

describe('the explanation', () => {
  it('says of each endpoint whether it may be picked, or why not', async () => {
    const [a, b] = [await start('a'), await start('b')]
    await b.kill()
    const channel = open()
    channel.push([endpointAt(a), endpointAt(b)])
    await echoMany(channel.client, 2)
    await vi.waitFor(() => expect(channel.stats('b').state).toBe('TRANSIENT_FAILURE'))
    const [head, first, second] = explain(channel.source, 'shop/web').split('\n')
    expect(head).toBe('shop/web by round_robin: 2 endpoints, 1 connected, 0 ejected')
    expect(first).toBe(
      `  a (127.0.0.1:${a.port}): may be picked; weight 100, 0 in flight, 2 picks, 2 ok, 0 failed`,
    )
    expect(second).toMatch(
      /b \(.*\): not picked, no connection \(TRANSIENT_FAILURE\): .*ECONNREFUSED/,
    )
  })

  it('says what to do when there is no channel', () => {
    expect(explain(open().source, 'shop/web')).toBe(
      'no channel to shop/web is open: make a call through one first',
    )
  })
})
