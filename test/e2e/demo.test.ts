import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from '../support/checkout.ts'

const PROGRAM = join(root, 'examples/dist/demo/main.js')

let directory: string
let demo: ChildProcess | undefined

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'roster-demo-test-'))
})

afterEach(() => {
  if (demo?.exitCode === null) demo.kill('SIGTERM')
  rmSync(directory, { recursive: true, force: true })
})

/** Runs a program with a folder for temporary files of its own, which also marks its processes. */
const run = (command: string, args: readonly string[]) => {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, TMPDIR: directory } })
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

const start = (args: readonly string[]) => run(process.execPath, [PROGRAM, ...args])

/** Processes that have this test's folder for temporary files. */
const leftovers = (): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(directory)
    } catch {
      return false
    }
  })

interface PhaseOfReport {
  readonly name: string
  readonly calls: number
  readonly failed: number
  readonly allowed: number
  readonly perPod: Readonly<Record<string, number>>
}

describe('the demo', () => {
  it('loses no call in any phase, but for those a frozen pod takes with it', async () => {
    const { code, stdout, stderr } = await start(['--json']).ended

    const phases: readonly PhaseOfReport[] = JSON.parse(
      stdout.trimEnd().split('\n').at(-1) ?? '',
    ).phases
    expect(code, stderr).toBe(0)
    expect(phases.map(({ name, perPod }) => [name, Object.keys(perPod).length])).toEqual([
      ['three pods', 3],
      ['scale to six', 6],
      ['scale to two', 2],
      ['kill a pod', 3],
      ['drain a pod', 3],
      ['rolling restart', 4],
      ['restart the registry', 4],
      ['registry outage', 4],
      ['freeze a pod', 3],
      ['thaw the pod', 4],
      ['slow pod', 5],
    ])
    for (const { name, calls, failed, allowed, perPod } of phases) {
      const shares = Object.values(perPod).sort((one, other) => one - other)
      if (name !== 'freeze a pod') expect([name, failed, allowed]).toEqual([name, 0, 0])
      expect(failed, name).toBeLessThanOrEqual(allowed)
      expect(calls, name).toBe(shares.reduce((sum, share) => sum + share, 0))
      if (name === 'slow pod') expect(shares.shift()).toBeLessThanOrEqual(calls / 20)
      expect(shares[0], name).toBeGreaterThan(0)
    }
    expect(leftovers()).toEqual([])
    expect(readdirSync(directory)).toEqual([])
  }, 180_000)

  it('plays one phase alone', async () => {
    const { code, stdout, stderr } = await start(['--json', '--phase', 'kill a pod']).ended

    const { phases, failed } = JSON.parse(stdout)
    expect([code, failed], stderr).toEqual([0, 0])
    expect(phases.map(({ name }: PhaseOfReport) => name)).toEqual(['kill a pod'])
  }, 60_000)

  it('names the phases there are to whoever asks for another', async () => {
    const { code, stderr } = await start(['--phase', 'kill']).ended

    expect(code).toBe(2)
    expect(stderr).toContain("there is no phase 'kill': use one of 'three pods', 'scale to six',")
  })

  it.skipIf(process.platform !== 'linux')(
    'leaves no process and no file behind when it is interrupted',
    async () => {
      const { child, ended, says } = start(['--phase', 'freeze a pod'])
      await Promise.race([says('SIGSTOP of greeter'), ended])
      child.kill('SIGINT')
      const { code } = await ended

      expect(code).toBe(130)
      expect(leftovers()).toEqual([])
      expect(readdirSync(directory)).toEqual([])
    },
    60_000,
  )

  it.skipIf(process.platform !== 'linux')(
    'ends with the shell that npm starts it by, which is all that npm can signal',
    async () => {
      const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
      const script = scripts.demo.replace('npm run build --silent', 'true')
      const { child, ended, says } = run('sh', ['-c', `${script} --phase 'three pods'`])
      await Promise.race([says('steady'), ended])
      child.kill('SIGTERM')
      const { code } = await ended

      expect(code).toBe(143)
      expect(leftovers()).toEqual([])
    },
    60_000,
  )
})
