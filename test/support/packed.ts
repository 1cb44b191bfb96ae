import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './checkout.ts'

const run = promisify(execFile)

/** Packs a workspace as `npm publish` would; the path of the tarball, in `directory`. */
export async function pack(workspace: string, directory: string): Promise<string> {
  const flags = ['pack', '--json', '--pack-destination', directory, '--workspace', workspace]
  const { stdout } = await run('npm', flags, { cwd: root, maxBuffer: 64 * 1024 * 1024 })
  const [{ filename }] = JSON.parse(stdout)
  return join(directory, filename)
}
