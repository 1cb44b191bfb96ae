import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The folder of this checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Paths of all files git would take, committed or not, relative to `root`. */
export const filesOfOurs = async (): Promise<readonly string[]> => {
  const flags = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout } = await promisify(execFile)('git', flags, { cwd: root })
  // A file deleted but not yet committed is still listed.
  return stdout.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
}

/** Paths of the TypeScript files, tests apart, whose text satisfies `accepts`. */
export const sourcesOfOurs = async (
  accepts: (text: string) => boolean,
): Promise<readonly string[]> => {
  const paths = (await filesOfOurs()).filter((path) => /\/src\/.*\.ts$/.test(path))
  const sources = paths.filter((path) => !path.endsWith('.test.ts'))
  const texts = await Promise.all(sources.map((path) => readFile(join(root, path), 'utf8')))
  return sources.filter((_, index) => accepts(texts[index] ?? '')).sort()
}

/** `text` without its comments, near enough for a search. */
export const withoutComments = (text: string): string =>
  text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
