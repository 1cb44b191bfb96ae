import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from '../support/checkout.ts'

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
