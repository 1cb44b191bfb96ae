import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Runs a program that registers at a port nobody listens at; how it ended, and what it said. */
function run(body: string): Promise<{ signal: string | null; code: number | null; out: string }> {
  const program = `
    import { connectRoster } from './connect.ts'
    const roster = connectRoster('127.0.0.1:1', { onEvent: () => {} })
    ${body}`.replaceAll('./connect.ts', new URL('../dist/connect.js', import.meta.url).href)
  return new Promise((resolve) => {
    const directory = fileURLToPath(new URL('.', import.meta.url))
    const flags = ['--input-type=module', '--eval', program]
    const child = execFile(
      process.execPath,
      flags,
      { cwd: directory, timeout: 15_000 },
      (_, out) => {
        resolve({ signal: child.signalCode, code: child.exitCode, out })
      },
    )
  })
}

describe('a process that registers where there is no registry', () => {
  it('goes on, and ends when it has nothing else to do', async () => {
    const end = await run(`roster.register({ name: 'a', ports: [] })`)
    expect(end).toEqual({ signal: null, code: 0, out: '' })
  })

  const drained = `
    const servers = [{
      tryShutdown: (done) => { process.stdout.write('drained'); done() },
      forceShutdown: () => {},
    }]
    const own = { ports: [], servers, drain: { propagateMs: 10 }, signals: ['SIGTERM'] }
    setInterval(() => {}, 1_000)`

  it('drains upon its signals and ends with exit code 0', async () => {
    const end = await run(`${drained}
      roster.register(own)
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: null, code: 0, out: 'drained' })
  })

  it('ends when the last of its pods has drained', async () => {
    const end = await run(`${drained}
      for (let i = 0; i < 20; i++) {
        roster.register({ ...own, servers: [{ ...servers[0] }], drain: { propagateMs: i * 5 } })
      }
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: null, code: 0, out: 'drained'.repeat(20) })
  })

  it('shuts a server that its pods share down once, with the last of them', async () => {
    const end = await run(`${drained}
      for (let i = 0; i < 20; i++) roster.register({ ...own, drain: { propagateMs: i * 5 } })
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: null, code: 0, out: 'drained' })
  })

  it('dies by the signal where it is asked to', async () => {
    const end = await run(`${drained}
      roster.register({ ...own, afterSignal: 'raise' })
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: 'SIGTERM', code: null, out: 'drained' })
  })

  it('dies at once by a second signal', async () => {
    const end = await run(`${drained}
      roster.register({ ...own, drain: { propagateMs: 10_000 } })
      process.kill(process.pid, 'SIGTERM')
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50)`)
    expect(end).toEqual({ signal: 'SIGTERM', code: null, out: '' })
  })

  it('leaves its end to whoever else listens to the signal', async () => {
    const end = await run(`${drained}
      const registration = roster.register(own)
      process.on('SIGTERM', async () => { await registration.drain(); process.exit(7) })
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: null, code: 7, out: 'drained' })
  })

  it('gives its signals back when its pods have left', async () => {
    const end = await run(`${drained}
      const registration = roster.register(own)
      await registration.drain()
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: 'SIGTERM', code: null, out: 'drained' })
  })

  it('gives back the signals only a pod that has left wanted, whoever stays', async () => {
    const end = await run(`${drained}
      roster.register({ ...own, signals: ['SIGINT'] })
      await roster.register(own).drain()
      process.kill(process.pid, 'SIGTERM')`)
    expect(end).toEqual({ signal: 'SIGTERM', code: null, out: '' })
  })

  it('says of a pod that was taken out before it was registered that it never will be', async () => {
    const end = await run(`
      const registration = roster.register({ ports: [] })
      await roster.close()
      await registration.ready.catch(({ code }) => process.stdout.write(code))`)
    expect(end).toEqual({ signal: null, code: 0, out: 'CANCELLED' })
  })
})
