import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../../examples/dist/demo/main.js', import.meta.url))

let directory: string
let demo: ChildProcess | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'roster-demo-test-'))
})

afterEach(() => {
  if (demo?.exitCode === null) demo.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

/** Runs the demo with a folder for temporary files of its own, which also marks its processes. */
const start = (args: readonly string[]) => {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, TMPDIR: directory },
  })
  demo = child
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk
  })
  return {
    child,
    ended: once(child, 'close').then(([code]) => ({ code, ...output })),
    /** Resolves when stdout has `text` in it. */
    says: (text: string): Promise<void> =>
      new Promise((resolve) => {
        child.stdout.on('data', () => {
          if (output.stdout.includes(text)) resolve()
        })
      }),
  }
}

/** Processes that have this test's folder for temporary files. */
const leftovers = (): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(directory)
    } catch {
      return false
    }
  })

describe('the demo', () => {
  it('goes from three pods to six and two and over a restart without a failed call', async () => {
    const { code, stdout, stderr } = await start(['--json']).ended

    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    expect(code, stderr).toBe(0)
    expect(report.failed).toBe(0)
    expect(
      report.phases.map(({ name, failed, perPod }: Record<string, object>) => [
        name,
        failed,
        Object.keys(perPod ?? {}).length,
      ]),
    ).toEqual([
      ['three pods', 0, 3],
      ['scale to six', 0, 6],
      ['scale to two', 0, 2],
      ['restart the registry', 0, 2],
    ])
    for (const { calls, perPod } of report.phases) {
      const shares = Object.values<number>(perPod)
      expect(calls).toBe(shares.reduce((sum, share) => sum + share, 0))
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(calls / shares.length / 2)
    }
    expect(leftovers()).toEqual([])
    expect(readdirSync(directory)).toEqual([])
  }, 90_000)

  it.skipIf(process.platform !== 'linux')(
    'leaves no process and no file behind when it is interrupted',
    async () => {
      const { child, ended, says } = start([])
      await Promise.race([says('scale to six'), ended])
      child.kill('SIGINT')
      const { code } = await ended

      expect(code).toBe(130)
      expect(leftovers()).toEqual([])
      expect(readdirSync(directory)).toEqual([])
    },
    60_000,
  )
})
