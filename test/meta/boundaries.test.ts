import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root, sourcesOfOurs, withoutComments } from '../support/checkout.ts'

const config = join(root, '.dependency-cruiser.cjs')
const rules: readonly { readonly name: string }[] = createRequire(import.meta.url)(config).forbidden

const packages = [
  'proto/src',
  'server/src',
  'client/src',
  'agent/src',
  'cli/src',
  'examples/src',
  'bench/src',
]

interface Report {
  readonly totalCruised: number
  readonly violations: readonly {
    readonly from: string
    readonly rule: { readonly name: string }
  }[]
}

/** What dependency-cruiser says of every package below `directory`. */
const cruise = async (directory: string): Promise<Report> => {
  const folders = packages.filter((path) => existsSync(join(directory, path)))
  const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const flags = ['--config', config, '--output-type', 'json']
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...flags, ...folders], {
    cwd: directory,
    maxBuffer: 64 * 1024 * 1024,
  })
  return JSON.parse(stdout).summary
}

/** For each rule a file that breaks it: path, then what it imports. */
const planted: Readonly<Record<string, readonly [path: string, statement: string]>> = {
  'no cycles': ['server/src/model/loop.ts', `import './loop.ts'`],
  'every import leads somewhere': ['server/src/app.ts', `import './nowhere.ts'`],
  'what ships needs no development dependency': ['client/src/index.ts', `import 'dev-tool'`],
  'model knows nothing': ['server/src/model/a.ts', `import '../store/store.ts'`],
  'model needs no package': ['server/src/model/b.ts', `import 'logger'`],
  'the store port knows the model': ['server/src/store/open.ts', `import './sqlite/engine.ts'`],
  'an engine knows the port': ['server/src/store/sqlite/a.ts', `import '../../registry/r.ts'`],
  'the registry knows the port': ['server/src/registry/a.ts', `import '../store/sqlite/engine.ts'`],
  'probes know the registry': ['server/src/probes/a.ts', `import '../grpc/door.ts'`],
  'grpc knows the registry': ['server/src/grpc/a.ts', `import '../store/store.ts'`],
  'xds knows the registry': ['server/src/xds/a.ts', `import '../grpc/door.ts'`],
  'http knows the registry': ['server/src/http/a.ts', `import '@roster/proto'`],
  'the server knows the contract': ['server/src/main.ts', `import '@roster/client'`],
  'the contract stands alone': ['proto/src/index.ts', `import type {} from '@roster/client'`],
  'the SDK knows the contract': ['client/src/a.ts', `import '../../server/src/model/meta.ts'`],
  'the agent is a client': ['agent/src/a.ts', `import '../../server/src/app.ts'`],
  'the command knows the SDK': ['cli/src/main.ts', `import '../../bench/src/run.ts'`],
  'only serve starts a registry': ['cli/src/commands/get.ts', `await import('@roster/server')`],
  'serve loads the registry when it starts one': [
    'cli/src/commands/serve.ts',
    `import '@roster/server'`,
  ],
  'an example uses what a user can use': ['examples/src/a.ts', `import '@roster/server'`],
  'native code stays in its engine': ['server/src/telemetry/a.ts', `import 'better-sqlite3'`],
  'no reaching into grpc-js': [
    'client/src/policies/a.ts',
    `import '@grpc/grpc-js/build/src/channel.js'`,
  ],
}

/** What the planted files lead to: no rule of its own is broken here. */
const innocent: Readonly<Record<string, string>> = {
  'package.json': '{ "dependencies": { "logger": "1" }, "devDependencies": { "dev-tool": "1" } }',
  'node_modules/logger/index.js': '',
  'node_modules/dev-tool/index.js': '',
  'server/src/model/meta.ts': 'export {}',
  'server/src/store/store.ts': `import '../model/meta.ts'`,
  'server/src/store/sqlite/engine.ts': `import '../store.ts'`,
  'server/src/registry/r.ts': `import '../store/store.ts'`,
  'server/src/grpc/door.ts': `import '../registry/r.ts'`,
  'bench/src/run.ts': 'export {}',
}

describe('the directions of imports', () => {
  let directory = ''
  const broken = new Map<string, Set<string>>()

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roster-boundaries-'))
    const files = [...Object.entries(innocent), ...Object.values(planted)]
    for (const [path, text] of files) {
      await mkdir(dirname(join(directory, path)), { recursive: true })
      await writeFile(join(directory, path), text)
    }
    for (const { from, rule } of (await cruise(directory)).violations) {
      broken.set(from, (broken.get(from) ?? new Set()).add(rule.name))
    }
  }, 60_000)

  afterAll(() => rm(directory, { recursive: true, force: true }))

  test('each has a planted violation', () => {
    expect(Object.keys(planted).sort()).toEqual(rules.map((rule) => rule.name).sort())
  })

  test.each(Object.entries(planted))('%s: a violation is seen', (rule, [path]) => {
    expect(broken.get(path)).toContain(rule)
  })

  test('let everything else pass', () => {
    expect(Object.keys(innocent).filter((path) => broken.has(path))).toEqual([])
  })

  test('are kept by the modules of this checkout', async () => {
    const { totalCruised, violations } = await cruise(root)
    expect({ seen: totalCruised > 0, violations }).toEqual({ seen: true, violations: [] })
  }, 60_000)
})

test('the experimental half of grpc-js is imported in one file', async () => {
  const importing = await sourcesOfOurs(
    (text) => /['"]@grpc\/grpc-js['"]/.test(text) && /\bexperimental\b/.test(withoutComments(text)),
  )
  expect(importing).toEqual(['client/src/grpc/adapter.ts'])
})
