import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../support/checkout.ts'

/** The lines of the README's `sh` blocks. */
const commands = async (): Promise<readonly string[]> => {
  const text = await readFile(join(root, 'README.md'), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((block) => block[1] ?? '')
  return blocks.join('').split('\n')
}

const named = (lines: readonly string[], pattern: RegExp): readonly string[] =>
  lines.flatMap((line) => [...line.matchAll(pattern)].map((match) => match[1] ?? ''))

test('every npm script the README runs exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const run = named(await commands(), /\bnpm (?:run )?((?!run\b|ci\b|install\b)[a-z][\w:-]*)/g)
  expect(run).toContain('test')
  expect(run.filter((script) => !(script in scripts))).toEqual([])
})

test('every file of this checkout the README runs or reads exists', async () => {
  const paths = named(await commands(), /(?:^|\s)((?:docs|examples|proto|server|cli)\/[\w./-]+)/g)
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
