import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { root } from '../support/checkout.ts'
import { eventually } from '../support/eventually.ts'
import { SdkWorld } from '../support/sdk-world.ts'
import { issuedCertificateFor } from '../support/tls.ts'

const PROGRAM = join(root, 'cli/dist/main.js')

let world = new SdkWorld()
afterEach(async () => {
  await world.close()
  world = new SdkWorld()
})

/** `roster …` as a process, and what it prints. */
function roster(...args: string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  const ended = once(child, 'close')
  world.onClose(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const exit = async () => {
    await ended
    return child.exitCode
  }
  return { child, text: () => text, exit }
}

const printed = (process: { text(): string }, pattern: RegExp) =>
  eventually(() => expect(process.text()).toMatch(pattern))

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const stop = (child: ChildProcess) => child.kill('SIGTERM')

/** An address at which nothing can listen any more. */
async function takenAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  world.onClose(() => server.close())
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

/** Files with a certificate for a host that is none of this machine's, and its key. */
async function certificateFiles() {
  const directory = await mkdtemp(join(tmpdir(), 'roster-tls-'))
  world.onClose(() => rm(directory, { recursive: true }))
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const { cert, key } = await issuedCertificateFor('DNS:registry.test')
  await writeFile(certFile, cert)
  await writeFile(keyFile, key)
  return { certFile, keyFile }
}

describe('roster agent', () => {
  const flags = ['--snapshot', 'off', '--dns-forward', 'none']

  it('says what it does, and ends with 0 when it is told to stop', async () => {
    const { address } = await world.registry()
    const args = ['--registry', address, '--dns-listen', '127.0.0.1:0', ...flags]
    const agent = roster('agent', ...args)
    await printed(agent, /following the registry/)
    await printed(agent, /"address":"127\.0\.0\.1:\d+","domain":"cluster\.local","forward":"none"/)
    stop(agent.child)
    expect(await agent.exit()).toBe(0)
  })

  it('ends with 1 and one line when its address is taken', async () => {
    const address = await takenAddress()
    const agent = roster('agent', '--log-level', 'silent', '--dns-listen', address, ...flags)
    expect(await agent.exit()).toBe(1)
    expect(agent.text()).toMatch(/^error: dns cannot listen at [^\n]+\n$/)
  })

  it('ends with 2 and a line that says why when it makes no sense', async () => {
    const agent = roster('agent', ...flags, '--dns-listen', 'nowhere')
    expect(await agent.exit()).toBe(2)
    expect(agent.text()).toMatch(/^error: --dns-listen nowhere: [^\n]+\n$/)
  })
})

describe('roster serve', () => {
  const flags = ['serve', '--data', ':memory:', '--listen', '127.0.0.1:0']
  // The agent’s own address is fixed, and may be taken on this machine: what it logs first will do.
  const started = /"pid":(\d+),[^\n]*"name":"roster-agent"[^\n]*"msg":"agent"/
  const pids = (text: string) =>
    [...text.matchAll(new RegExp(started, 'g'))].map(([, pid]) => Number(pid))

  it('starts an agent beside the registry, and takes it along when it stops', async () => {
    const serve = roster(...flags)
    // An agent that has not begun to listen for it is ended by the signal itself.
    await printed(serve, /"msg":"following the registry"/)
    const [pid = 0] = pids(serve.text())
    stop(serve.child)
    expect([await serve.exit(), isAlive(pid)]).toEqual([0, false])
    expect(serve.text()).not.toMatch(/killing it/)
  })

  it('starts the agent again when it ends', async () => {
    const serve = roster(...flags)
    await printed(serve, started)
    const [first = 0] = pids(serve.text())
    process.kill(first, 'SIGKILL')
    await eventually(() => expect(pids(serve.text()).length).toBeGreaterThan(1))
    expect(serve.text()).toContain('the agent ended (SIGKILL)')
  })

  it('leaves no agent behind when it is killed', async () => {
    const serve = roster(...flags)
    await printed(serve, started)
    const [pid = 0] = pids(serve.text())
    serve.child.kill('SIGKILL')
    await eventually(() => expect(isAlive(pid)).toBe(false))
  })

  it('is followed by its agent whatever host its certificate is for', async () => {
    const { certFile, keyFile } = await certificateFiles()
    const serve = roster(...flags, '--tls-cert', certFile, '--tls-key', keyFile)
    await printed(serve, /"msg":"following the registry"/)
    expect(serve.text()).not.toMatch(/registry lost/)
  })

  it('is not followed by an agent that was given another certificate', async () => {
    const [own, other] = [await certificateFiles(), await certificateFiles()]
    const tls = ['--tls-cert', own.certFile, '--tls-key', own.keyFile, '--no-agent']
    const serve = roster(...flags, ...tls)
    await printed(serve, /"address":"([^"]+)"/)
    const [, address = ''] = /"address":"([^"]+)"/.exec(serve.text()) ?? []
    const to = ['--registry', address, '--registry-cert', other.certFile]
    const agent = roster('agent', ...to, '--snapshot', 'off', '--dns-listen', 'off')
    await printed(agent, /"reason":"[^"]*certificate[^"]*"[^\n]*"msg":"registry lost/)
    expect(agent.text()).not.toMatch(/following the registry/)
  })

  it.each([
    ['told to stop', 'SIGTERM', 0],
    ['killed', 'SIGKILL', null],
  ] as const)('leaves no agent behind when it is %s as it starts', async (_, signal, code) => {
    const serve = roster(...flags)
    await printed(serve, /"msg":"serving"/)
    const children = `/proc/${serve.child.pid}/task/${serve.child.pid}/children`
    await eventually(async () => (await readFile(children, 'utf8')) !== '')
    const agent = Number.parseInt(await readFile(children, 'utf8'), 10)
    serve.child.kill(signal)
    expect(await serve.exit()).toBe(code)
    await eventually(() => expect(isAlive(agent)).toBe(false))
  })

  it('starts none with --no-agent', async () => {
    const serve = roster(...flags, '--no-agent')
    await printed(serve, /"msg":"serving"/)
    stop(serve.child)
    await serve.exit()
    expect(serve.text()).not.toMatch(/agent/)
  })
})
