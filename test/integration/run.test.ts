import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type RunningRegistry, startRegistry } from '@roster/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { localProbe } from '../../cli/src/local-probe.ts'
import { run as runCommand } from '../../cli/src/program.ts'
import { root } from '../support/checkout.ts'
import { type Clients, connect, webService } from '../support/clients.ts'
import { eventually } from '../support/eventually.ts'
import { RawWatcher } from '../support/raw-watcher.ts'

const PROGRAM = join(root, 'cli/dist/main.js')
const QUIET = { listen: '127.0.0.1:0', logLevel: 'silent', data: ':memory:' }
const POD = ['--name', 'web-1', '-n', 'demo', '-l', 'app=web', '--port', 'http=8080']
/** Says which signals it gets; ends with 7 on SIGTERM. */
const TALKER = `
  for (const s of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(s, () => {
    console.log(s)
    if (s === 'SIGTERM') process.exit(7)
  })
  setInterval(() => {}, 1000)
  console.log('up')
`

let registry: RunningRegistry
let admin: Clients
const closers: (() => unknown)[] = []

beforeEach(async () => {
  registry = await startRegistry(QUIET)
  admin = connect(registry.address)
})

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  admin.close()
  await registry.stop()
})

/** `roster run … -- node -e script`, as a process. */
function run(flags: readonly string[], script: string, command = [process.execPath, '-e', script]) {
  const args = [PROGRAM, 'run', ...flags, '--', ...command]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that a test that fails leaves nothing behind.
    detached: true,
    env: { ...process.env, ROSTER_REGISTRY: registry.address },
  })
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text
  })
  const ended = once(child, 'close').then(([code]) => code as number)
  closers.push(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // Nobody of the group is left.
    }
    return ended
  })
  return { child, said, ended }
}

const podNow = async () => (await admin.pods.getPod({ namespace: 'demo', name: 'web-1' })).pod
const isRegistered = () => eventually(podNow)

/** A port nothing listens at. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('roster run', () => {
  it('registers a program as the pod its flags describe', async () => {
    const place = '--node n1 --zone z1 --weight 7 --address 10.0.0.9'.split(' ')
    run([...POD, ...place], TALKER)
    await isRegistered()
    expect(await podNow()).toMatchObject({
      metadata: { name: 'web-1', namespace: 'demo', labels: { app: 'web' } },
      spec: {
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        nodeName: 'n1',
        zone: 'z1',
        weight: 7,
      },
      status: { podIps: ['10.0.0.9'], ready: true },
    })
  })

  it('hands the program its arguments and its standard output, and takes its exit code', async () => {
    const { said, ended } = run(POD, '', [
      ...[process.execPath, '-e', 'console.log(process.argv.slice(1).join()); process.exit(42)'],
      ...['--', '-n', 'x', '--port', '1'],
    ])
    expect(await ended).toBe(42)
    expect(said.out).toBe('-n,x,--port,1\n')
  })

  it('takes the pod out at once when the program ends', async () => {
    const { ended } = run(POD, `setTimeout(() => process.kill(process.pid, 'SIGKILL'), 1500)`)
    await isRegistered()
    expect(await ended).toBe(137)
    expect((await admin.pods.listPods({})).pods).toEqual([])
  })

  it('on SIGTERM lets the callers know before the program does', async () => {
    await admin.catalog.applyService(webService())
    const { child, said, ended } = run(POD, TALKER)
    await isRegistered()
    const watcher = new RawWatcher('a', admin, {
      subscribe: { namespace: 'demo', service: 'web' },
    })
    closers.push(() => watcher.close())
    await eventually(() => watcher.ready.get('web')?.has('web-1') === true)
    await eventually(() => said.out.includes('up'))
    child.kill('SIGTERM')
    await watcher.hasLost('web', 'web-1')
    const before = said.out
    watcher.ack()
    expect(await ended).toBe(7)
    expect([before, said.out]).toEqual(['up\n', 'up\nSIGTERM\n'])
  })

  it('gives the program the second signal at once', async () => {
    await admin.catalog.applyService(webService())
    const { child, said, ended } = run(POD, TALKER)
    await isRegistered()
    const watcher = new RawWatcher('a', admin, {
      subscribe: { namespace: 'demo', service: 'web' },
    })
    closers.push(() => watcher.close())
    await eventually(() => watcher.ready.get('web')?.has('web-1') === true)
    await eventually(() => said.out.includes('up'))
    child.kill('SIGINT')
    await watcher.hasLost('web', 'web-1')
    child.kill('SIGTERM')
    await eventually(() => said.out.includes('SIGTERM'))
    watcher.close()
    expect(await ended).toBe(7)
    expect(said.out).toBe('up\nSIGTERM\n')
  })

  it('passes SIGHUP on, and goes on', async () => {
    const { child, said } = run(POD, TALKER)
    await isRegistered()
    await eventually(() => said.out.includes('up'))
    child.kill('SIGHUP')
    await eventually(() => said.out.includes('SIGHUP'))
    expect((await podNow())?.status).toMatchObject({ ready: true, terminating: false })
  })

  it('kills a program that does not end in its time', async () => {
    const stubborn = `process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 9); console.log('up')`
    const { child, said, ended } = run([...POD, '--grace', '300ms'], stubborn)
    await isRegistered()
    await eventually(() => said.out.includes('up'))
    child.kill('SIGTERM')
    expect(await ended).toBe(137)
    expect(said.out).toBe('up\nno\n')
  })

  it('is ready only while the probe is answered', async () => {
    const port = await freePort()
    const late = `process.on('SIGHUP', () => require('http').createServer((q, s) => s.end()).listen(${port})); setInterval(() => {}, 99); console.log('up')`
    const { child, said } = run([...POD, '--probe', `http:${port}/healthz`], late)
    await isRegistered()
    const before = (await podNow())?.status?.ready
    await eventually(() => said.out.includes('up'))
    child.kill('SIGHUP')
    await eventually(async () => (await podNow())?.status?.ready === true)
    expect(before).toBe(false)
  })

  it('runs the program without a registry, and registers it when there is one', async () => {
    const { address } = registry
    await registry.stop()
    const { said } = run(POD, TALKER)
    await eventually(() => said.out.includes('up'))
    await eventually(() => said.err.includes('trying again'))
    registry = await startRegistry({ ...QUIET, listen: address })
    await isRegistered()
    expect(said.out).toBe('up\n')
  })

  it('with --wait starts the program when the pod is registered', async () => {
    const { address } = registry
    await registry.stop()
    const { said } = run([...POD, '--wait'], TALKER)
    await eventually(() => said.err.includes('trying again'))
    const before = said.out
    registry = await startRegistry({ ...QUIET, listen: address })
    await eventually(async () => (await podNow())?.status?.ready === true)
    await eventually(() => said.out.includes('up'))
    expect(before).toBe('')
  })

  it('runs the program though the registry refuses the pod, and says why', async () => {
    const { said } = run(['--name', 'Not_A_Name'], TALKER)
    await eventually(() => said.err.includes('is not registered'))
    await eventually(() => said.out.includes('up'))
    expect(said.err).toMatch(/^error: pod default\/Not_A_Name is not registered: .*metadata\.name/s)
  })

  it('with --wait does not start a program whose pod is refused', async () => {
    const { said, ended } = run(['--name', 'Not_A_Name', '--wait'], TALKER)
    expect(await ended).toBe(1)
    expect([said.out, said.err]).toEqual(['', expect.stringContaining('metadata.name')])
  })

  it.each([
    [127, '/nowhere/program', 'there is no such program'],
    [126, root, 'it may not be run'],
  ])('ends with %i for %s', async (code, command, why) => {
    const { said, ended } = run(POD, '', [command])
    expect(await ended).toBe(code)
    expect(said.err).toBe(`error: cannot run ${command}: ${why}\n`)
  })

  it.each([
    ['--probe', 'tcp:8080/x'],
    ['--probe', 'smtp:25'],
    ['--probe', 'http:0'],
    ['--port', 'http'],
    ['--weight', 'heavy'],
    ['--grace', 'soon'],
    ['-l', 'app'],
  ])('answers %s %s with exit code 2 and a line that says why', async (...flags) => {
    let err = ''
    const code = await runCommand(['run', ...flags, '--', 'true'], {
      env: { ROSTER_REGISTRY: registry.address },
      now: () => Date.now(),
      out: () => {},
      err: (text) => {
        err += text
      },
      input: async () => '',
      stopSignal: () => new AbortController().signal,
    })
    expect(code).toBe(2)
    expect(err).toMatch(/^error: [^\n]+\n$/)
  })
})

describe('a local probe', () => {
  it('asks by gRPC whether the server serves', async () => {
    const { port } = new URL(`http://${registry.address}`)
    const service = 'roster.v1.NoSuchService'
    expect(await localProbe(`grpc:${port}`, '127.0.0.1')()).toBe(true)
    await expect(localProbe(`grpc:${port}/${service}`, '127.0.0.1')()).rejects.toThrow(service)
  })

  it('asks by TCP whether something listens', async () => {
    const { port } = new URL(`http://${registry.address}`)
    const closed = await freePort()
    expect(await localProbe(`tcp:${port}`, '127.0.0.1')()).toBe(true)
    expect(await localProbe(`tcp:${closed}`, '127.0.0.1')()).toBe(false)
  })
})
