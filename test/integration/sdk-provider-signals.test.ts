import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { root } from '../support/checkout.ts'
import { echo } from '../support/echo-backend.ts'
import { applyEcho, SdkWorld } from '../support/sdk-world.ts'

let world: SdkWorld
beforeEach(() => {
  world = new SdkWorld()
})
afterEach(() => world.close())

/** A greeter of its own process behind demo/echo: `slow` calls take as long as it says. */
const PROGRAM = `
  import * as grpc from '@grpc/grpc-js'
  import { connectRoster } from '@roster/client'
  const [address, name, slowMs, options] = process.argv.slice(1)
  const write = ({ name }) => Buffer.from(name)
  const read = (bytes) => ({ name: bytes.toString() })
  const roster = connectRoster(address)
  const server = new grpc.Server({ interceptors: [roster.serverInterceptor] })
  server.addService(
    { echo: {
      path: '/test.v1.EchoService/Echo', requestStream: false, responseStream: false,
      requestSerialize: write, requestDeserialize: read,
      responseSerialize: write, responseDeserialize: read,
    } },
    { echo: (call, done) => {
      process.stdout.write('called')
      setTimeout(() => done(null, { name }), Number(slowMs))
    } },
  )
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), async () => {
    await roster.register(server, {
      namespace: 'demo', name, labels: { app: 'echo' },
      signals: ['SIGTERM'], ...JSON.parse(options),
    }).ready
    process.stdout.write('ready')
  })`

class Greeter {
  readonly #child: ChildProcess
  readonly ended: Promise<string>
  out = ''

  constructor(address: string, name: string, slowMs = 0, options: object = {}) {
    const own = [address, name, String(slowMs), JSON.stringify(options)]
    const flags = ['--input-type=module', '--eval', PROGRAM, '--', ...own]
    this.#child = spawn(process.execPath, flags, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child.stdout?.on('data', (text) => {
      this.out += text
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    world.onClose(() => this.#child.kill('SIGKILL'))
  }

  says(text: string): Promise<void> {
    return vi.waitFor(() => expect(this.out).toContain(text), { timeout: 10_000 })
  }

  terminate(): void {
    this.#child.kill('SIGTERM')
  }
}

async function start() {
  const { address } = await world.registry()
  const roster = world.connect(address)
  await applyEcho(roster)
  return { address, roster, client: world.client(roster) }
}

describe('a process that is told to end', () => {
  it('finishes its calls, leaves, and ends with exit code 0', async () => {
    const { address, roster, client } = await start()
    const greeter = new Greeter(address, 'a', 300)
    await greeter.says('ready')
    const slow = echo(client, { waitForReady: true })
    await greeter.says('called')
    greeter.terminate()
    expect([await slow, await greeter.ended]).toEqual(['a', 'exit code 0'])
    expect((await roster.pods.listPods({ namespace: 'demo' })).pods).toEqual([])
  })

  it('ends at once when it is told twice', async () => {
    const { address, client } = await start()
    const greeter = new Greeter(address, 'a', 60_000)
    await greeter.says('ready')
    echo(client, { waitForReady: true }).catch(() => {})
    await greeter.says('called')
    greeter.terminate()
    const { pods } = world.connect(address)
    await vi.waitFor(async () => {
      const { pod } = await pods.getPod({ namespace: 'demo', name: 'a' })
      expect(pod?.status?.terminating).toBe(true)
    })
    greeter.terminate()
    expect(await greeter.ended).toBe('SIGTERM')
  })

  it('fails no call when it is one of three that are replaced in turn', async () => {
    const { address, client, roster } = await start()
    const greeters = ['a', 'b', 'c'].map((name) => new Greeter(address, name, 5))
    await Promise.all(greeters.map((greeter) => greeter.says('ready')))
    await roster.ready('demo/echo')
    const running = { is: true }
    world.onClose(() => {
      running.is = false
    })
    const errors: string[] = []
    let calls = 0
    const callers = Array.from({ length: 10 }, async () => {
      while (running.is) {
        await echo(client).catch((error) => errors.push(String(error)))
        calls += 1
      }
    })
    for (const name of ['d', 'e', 'f']) {
      const next = new Greeter(address, name, 5)
      await next.says('ready')
      const old = greeters.shift()
      old?.terminate()
      expect(await old?.ended).toBe('exit code 0')
    }
    running.is = false
    await Promise.all(callers)
    expect([errors, calls > 100]).toEqual([[], true])
  })
})

it('a process whose connection keeps it alive stays, where another ends', async () => {
  const { address } = await start()
  const program = `
    import { connectRoster } from '@roster/client'
    const roster = connectRoster(process.argv[1], { keepProcessAlive: process.argv[2] === 'keep' })
    await roster.register({ name: process.argv[2], ports: [] }).ready
    process.stdout.write('ready')`
  const [kept, other] = ['keep', 'leave'].map((how) => {
    const flags = ['--input-type=module', '--eval', program, '--', address, how]
    const child = spawn(process.execPath, flags, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    world.onClose(() => child.kill('SIGKILL'))
    const ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
    })
    const ready = new Promise((resolve) => child.stdout.once('data', resolve))
    return { child, ended, ready }
  })
  await Promise.all([kept?.ready, other?.ready])
  const ofOther = await other?.ended
  const stillRuns = kept?.child.exitCode === null
  kept?.child.kill('SIGTERM')
  expect([ofOther, stillRuns, await kept?.ended]).toEqual(['exit code 0', true, 'SIGTERM'])
})
