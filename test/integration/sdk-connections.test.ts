import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as grpc from '@grpc/grpc-js'
import { connectRoster } from '@roster/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { echo } from '../support/echo-backend.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** A registry whose service demo/echo is one pod of the given name. */
async function registryWith(podName: string) {
  const { address } = await world.registry()
  const roster = world.connect(address)
  await applyEcho(roster)
  const backend = await world.backend(podName)
  await roster.pods.registerPod({
    pod: {
      metadata: { namespace: 'demo', name: podName, labels: { app: 'echo' } },
      spec: { ports: [{ name: 'grpc', containerPort: backend.port }] },
      status: { podIps: ['127.0.0.1'] },
    },
  })
  return roster
}

const bareClient = (target: string) => {
  const client = new grpc.Client(target, grpc.credentials.createInsecure())
  world.onClose(() => client.close())
  return client
}

describe('two registries in one process', () => {
  it('answer each for its own channels', async () => {
    const [one, two] = [await registryWith('one'), await registryWith('two')]
    expect(await echo(world.client(one))).toBe('one')
    expect(await echo(world.client(two))).toBe('two')
  })

  it('are told apart by the address in the target', async () => {
    const [one, two] = [await registryWith('one'), await registryWith('two')]
    expect(await echo(bareClient(`roster://${one.address}/demo/echo`))).toBe('one')
    expect(await echo(bareClient(`roster://${two.address}/demo/echo`))).toBe('two')
  })

  it('make a target that names neither an error', async () => {
    await registryWith('one')
    await registryWith('two')
    expect(() => bareClient('roster:///demo/echo')).toThrow(/ambiguous/)
  })
})

describe('a target', () => {
  it('needs no options when there is only one connection', async () => {
    await registryWith('one')
    expect(await echo(bareClient('roster:///demo/echo'))).toBe('one')
  })

  it('of a registry nobody connected to is an error', () => {
    expect(() => bareClient('roster://10.0.0.1:7400/demo/echo')).toThrow(
      "call connectRoster('10.0.0.1:7400') first",
    )
  })

  it('gives the same channel to all who ask', async () => {
    const roster = await registryWith('one')
    expect(roster.channel('demo/echo')).toBe(roster.channel('roster:///demo/echo'))
  })
})

describe('a connection', () => {
  it('adds the port of registries to an address without one', () => {
    const roster = connectRoster('127.0.0.1')
    world.onClose(() => roster.close())
    expect(roster.address).toBe('127.0.0.1:7400')
  })

  it('does not keep a process alive that has nothing else to do', async () => {
    const roster = await registryWith('one')
    const script = `
      import { connectRoster } from '@roster/client'
      const roster = connectRoster('${roster.address}')
      roster.register({ name: 'short-lived', ports: [] })
      await roster.ready('demo/echo')
      await roster.catalog.getService({ namespace: 'demo', name: 'echo' })
      process.stdout.write('done')`
    const directory = fileURLToPath(new URL('../..', import.meta.url))
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { cwd: directory, timeout: 15_000 },
    )
    expect(stdout).toBe('done')
  })
})
