import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const MAX_OUTPUT_BYTES = 2 ** 24

/** How a network namespace is made: without root, in a user namespace of its own. */
const UNSHARE: readonly string[] = process.getuid?.() === 0 ? ['-n'] : ['-Urn']

/**
 * Runs a program of this folder in a new network namespace; answers what it prints, as
 * JSON. Errors: nft is missing, and how to get it.
 */
export async function inNewNamespace(file: string, args: readonly string[]): Promise<unknown> {
  const program = fileURLToPath(new URL(file, import.meta.url))
  process.env.PATH = `${process.env.PATH}:/usr/sbin:/sbin`
  const run = promisify(execFile)
  await run('nft', ['--version']).catch(() => {
    throw new Error('nft is missing: apt-get install --no-install-recommends nftables conntrack')
  })
  const command = [...UNSHARE, process.execPath, program, ...args]
  const { stdout } = await run('unshare', command, { maxBuffer: MAX_OUTPUT_BYTES })
  return JSON.parse(stdout)
}
