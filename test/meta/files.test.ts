import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { filesOfOurs, root } from '../support/checkout.ts'

const read = (path: string) => readFile(join(root, path), 'utf8')

test('no program of ours, tests apart, has more than 300 lines', async () => {
  const programs = (await filesOfOurs()).filter(
    (path) => /\.([cm]?[jt]s|sh|sql)$/.test(path) && !/\.(test|contract)\.ts$/.test(path),
  )
  const lines = await Promise.all(
    programs.map(async (path) => ({ path, lines: (await read(path)).split('\n').length - 1 })),
  )
  expect(lines.length).toBeGreaterThan(0)
  expect(lines.filter((file) => file.lines > 300)).toEqual([])
})

test('docs/architecture.md names every folder of the server', async () => {
  const text = await read('docs/architecture.md')
  const sources = (await filesOfOurs()).filter((path) => /^server\/src\/.+\//.test(path))
  const folders = [...new Set(sources.map((path) => dirname(path)))]
  const isNamed = (folder: string) => text.includes(`${folder.split('/').at(-1)}/`)
  expect(folders.length).toBeGreaterThan(0)
  expect(folders.filter((folder) => !isNamed(folder))).toEqual([])
})
