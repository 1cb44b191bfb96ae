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

  it('drains upon its signals and then dies by the signal', async () => {
    const end = await run(`
      const servers = [{
        tryShutdown: (done) => { process.stdout.write('drained'); done() },
        forceShutdown: () => {},
      }]
      const drain = { propagateMs: 10 }
      roster.register({ name: 'a', ports: [], servers, drain, signals: ['SIGTERM'] })
      process.kill(process.pid, 'SIGTERM')
      setInterval(() => {}, 1_000)`)
    expect(end).toEqual({ signal: 'SIGTERM', code: null, out: 'drained' })
  })
})
