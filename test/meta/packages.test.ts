import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { root } from '../support/checkout.ts'
import { pack } from '../support/packed.ts'

const run = promisify(execFile)

interface Installed {
  readonly dependencies?: Readonly<Record<string, Installed>>
}

const namesBelow = ({ dependencies = {} }: Installed): readonly string[] =>
  Object.entries(dependencies).flatMap(([name, installed]) => [name, ...namesBelow(installed)])

const dependenciesOf = async (workspace: string): Promise<readonly string[]> => {
  const flags = ['ls', '--all', '--json', '--omit=dev', '--workspace', workspace]
  const { stdout } = await run('npm', flags, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  return namesBelow(JSON.parse(stdout))
}

test('installing the SDK compiles nothing', async () => {
  const names = await dependenciesOf('@roster/client')
  expect(names).toContain('@grpc/grpc-js')
  expect(names).not.toContain('better-sqlite3')
})

interface Locked {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const locked = async (): Promise<Readonly<Record<string, Locked>>> =>
  JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')).packages

test('the lock file names no registry, so that any mirror will do', async () => {
  const sources = Object.values(await locked()).map((one) => one.resolved)
  expect(sources.length).toBeGreaterThan(1)
  expect(sources.filter((from) => from?.includes('://'))).toEqual([])
})

test('the lock file has the packages of all platforms, or npm ci refuses it', async () => {
  const packages = await locked()
  const optional = Object.values(packages).flatMap((one) =>
    Object.keys(one.optionalDependencies ?? {}),
  )
  expect(optional.length).toBeGreaterThan(0)
  expect(optional.filter((name) => !(`node_modules/${name}` in packages))).toEqual([])
})

describe.each(['@roster/proto', '@roster/client'])('%s as it is published', (workspace) => {
  /** Packs it, and runs a program of a development dependency on the tarball. */
  const judge = async (program: string, ...flags: readonly string[]): Promise<void> => {
    const directory = await mkdtemp(join(tmpdir(), 'roster-packages-'))
    try {
      const tarball = await pack(workspace, directory)
      const file = join(root, 'node_modules', program)
      await run(process.execPath, [file, tarball, ...flags], { cwd: root })
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  test('has no fault that publint finds', async () => {
    await judge('publint/src/cli.js', '--strict')
  }, 60_000)

  test('has right types for importers of either kind, old resolution too', async () => {
    await judge('@arethetypeswrong/cli/dist/index.js', '--profile', 'strict')
  }, 60_000)
})
