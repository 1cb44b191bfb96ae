import { createRequire } from 'node:module'
import * as grpc from '@grpc/grpc-js'
import * as esm from '@roster/client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { echo } from '../support/echo-backend.ts'
import { applyEcho, podOf, SdkWorld } from '../support/sdk-world.ts'

// As in a CommonJS application one of whose libraries is an ES module: two copies of
// the SDK, one grpc-js. The first to connect is the one grpc-js knows.
const cjs: typeof esm = createRequire(import.meta.url)('@roster/client')

let world: SdkWorld

beforeEach(() => {
  world = new SdkWorld()
})

afterEach(() => world.close())

/** A registry with one echo, a closed connection of the ES module, an open one of the other. */
async function secondCopy(): Promise<esm.Roster> {
  const registry = await world.registry()
  await world.connect(registry.address).close()
  const roster = cjs.connectRoster(registry.address)
  world.onClose(() => roster.close())
  await applyEcho(roster)
  await roster.register(podOf(await world.backend('b1'))).ready
  return roster
}

test('the two builds are two copies', () => {
  expect(cjs.connectRoster).not.toBe(esm.connectRoster)
})

test('the second copy has the figures of its channels, whose balancers are of the first', async () => {
  const roster = await secondCopy()
  const client = world.client(roster)

  await echo(client)

  expect(roster.stats('demo/echo')).toMatchObject([{ pod: 'b1', picks: 1, successes: 1 }])
})

test('a target without options finds the connection of the second copy', async () => {
  await secondCopy()
  const client = new grpc.Client('roster:///demo/echo', grpc.credentials.createInsecure())
  world.onClose(() => client.close())

  const answer = await echo(client)

  expect(answer).toBe('b1')
})

test('an error of one copy is an instance of the other copy’s class', () => {
  const error = new cjs.RosterError('INVALID', 'wrong')

  expect(error).toBeInstanceOf(esm.RosterError)
})
