import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as grpc from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { echo } from '../support/echo-backend.ts'
import { eventually } from '../support/eventually.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const { SHUTDOWN } = grpc.connectivityState
const target = 'demo/echo'

const clientOn = (channelOverride: grpc.Channel) =>
  new grpc.Client('', grpc.credentials.createInsecure(), { channelOverride })

describe('a channel that its user has closed', () => {
  it('is not handed out again: the next call goes through another', async () => {
    const { address } = await world.registry()
    const roster = world.connect(address)
    await applyEcho(roster)
    await world.pod(address, 'a')
    const first = clientOn(roster.channel(target))
    await echo(first)
    first.close()
    const second = clientOn(roster.channel(target))
    expect(await echo(second)).toBe('a')
  })

  it('twice does not close the one handed out after it', () => {
    const roster = world.connect('127.0.0.1:1')
    const first = roster.channel(target)
    first.close()
    const second = roster.channel(target)
    first.close()
    expect(roster.channel(target)).toBe(second)
    expect(second.getConnectivityState(false)).not.toBe(SHUTDOWN)
  })

  it('leaves nothing behind', async () => {
    const roster = world.connect('127.0.0.1:1')
    const closed = Array.from({ length: 20 }, () => {
      const channel = roster.channel(target, { policy: 'round_robin' })
      channel.close()
      return new WeakRef(channel)
    })
    await eventually(() => {
      collectGarbage()
      expect(closed.filter((channel) => channel.deref())).toEqual([])
    })
  })
})

it('channels that are open are closed with the connection', async () => {
  const roster = connectRoster('127.0.0.1:1')
  const channels = [roster.channel(target), roster.channel(target, {})]
  await roster.close()
  expect(channels.map((channel) => channel.getConnectivityState(false))).toEqual([
    SHUTDOWN,
    SHUTDOWN,
  ])
})
