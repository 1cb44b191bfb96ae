import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type * as grpc from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/checkout.ts'
import { echo, echoMany } from '../support/echo-backend.ts'
import { eventually } from '../support/eventually.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
let directory = ''
/** A second copy of grpc-js, as a dependency of another package brings it. */
let theirs: typeof grpc

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roster-grpc-'))
  const copy = join(directory, 'node_modules', '@grpc', 'grpc-js')
  await cp(join(root, 'node_modules/@grpc/grpc-js'), copy, { recursive: true })
  for (const dependency of ['@grpc/proto-loader', '@js-sdsl/ordered-map']) {
    const link = join(directory, 'node_modules', dependency)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', dependency), link)
  }
  theirs = createRequire(join(directory, 'index.js'))('@grpc/grpc-js')
})
afterAll(() => rm(directory, { recursive: true, force: true }))
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

async function demo(...names: string[]) {
  const { address } = await world.registry()
  const roster = world.connect(address, { grpc: theirs })
  await applyEcho(roster)
  const pods = await Promise.all(names.map((name) => world.pod(address, name)))
  return { roster, backends: pods.map(({ backend }) => backend) }
}

describe('a client of another copy of grpc-js', () => {
  it('calls services, and passes over an endpoint that dies', async () => {
    const { roster, backends } = await demo('a', 'b')
    const insecure = theirs.credentials.createInsecure()
    const client = new theirs.Client('roster:///demo/echo', insecure, roster.channelOptions())
    world.onClose(() => client.close())
    await eventually(async () => expect((await echoTheirs(client, 8)).size).toBe(2))
    await backends[0]!.kill()
    expect([...(await echoTheirs(client, 8))]).toEqual(['b'])
  })

  it('takes the channels of the connection, and its hints', async () => {
    const { roster } = await demo('a', 'b')
    const insecure = theirs.credentials.createInsecure()
    const channel = roster.channel('demo/echo', { policy: 'round_robin' })
    const client = new theirs.Client('', insecure, { channelOverride: channel })
    await eventually(async () => expect((await echoTheirs(client, 8)).size).toBe(2))
    const pinned = await echoTheirs(client, 8, () => roster.hint({ endpoint: 'b' }))
    expect([...pinned]).toEqual(['b'])
  })

  it('is told why there is no endpoint', async () => {
    const { roster } = await demo()
    const insecure = theirs.credentials.createInsecure()
    const client = new theirs.Client('roster:///demo/echo', insecure, roster.channelOptions())
    world.onClose(() => client.close())
    await expect(echoTheirs(client, 1)).rejects.toThrow('service demo/echo has no endpoints')
  })

  it('does not keep those of the SDK from working', async () => {
    const { roster } = await demo('a')
    expect([...(await echoMany(world.client(roster), 4)).answers.keys()]).toEqual(['a'])
    expect(await echo(world.client(roster))).toBe('a')
  })
})

it('a grpc-js that cannot be extended is refused, with the version that can', () => {
  const old = { experimental: {} }
  expect(() => connectRoster('127.0.0.1', { grpc: old })).toThrow(
    /^the @grpc\/grpc-js given to connectRoster lacks .*: install @grpc\/grpc-js@~1.14$/,
  )
})

/** The names that answer calls made by the other copy. */
async function echoTheirs(
  client: grpc.Client,
  count: number,
  metadata = () => new theirs.Metadata(),
) {
  const names = new Set<string>()
  for (let i = 0; i < count; i++) {
    names.add(
      await new Promise<string>((resolve, reject) => {
        client.makeUnaryRequest(
          '/test.v1.EchoService/Echo',
          (name: string) => Buffer.from(name),
          (bytes: Buffer) => bytes.toString(),
          'whoever',
          metadata(),
          { deadline: Date.now() + 5_000 },
          (error, name) => (error ? reject(error) : resolve(name ?? '')),
        )
      }),
    )
  }
  return names
}
