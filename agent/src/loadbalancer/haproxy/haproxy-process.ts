import { execFile, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { access, constants, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CHECK_TIMEOUT_MS = 10_000

/** Where HAProxy and its files are. */
export interface HaproxyFiles {
  /** The configuration roster writes. */
  readonly config: string
  /** Socket of the master process. */
  readonly masterSocket: string
}

/** Absolute path of the `haproxy` program; fails when PATH has none. */
export async function findHaproxy(): Promise<string> {
  // Where Debian has it and not every user looks.
  for (const directory of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    const file = join(directory, 'haproxy')
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (directory !== '' && isThere) return file
  }
  throw new Error(
    'there is no haproxy on the PATH: install it, or name the socket of a running one with --haproxy-master-socket',
  )
}

/** Fails with what HAProxy has against a configuration. */
async function checkConfig(program: string, file: string): Promise<void> {
  try {
    await run(program, ['-c', '-q', '-f', file], { timeout: CHECK_TIMEOUT_MS })
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string }
    const reason = alertsIn(stderr) || String(error)
    throw new Error(`HAProxy does not take ${file}: ${reason}`, { cause: error })
  }
}

/**
 * Starts a master process with a life of its own: it outlives this process, however
 * that ends. Its log is beside the configuration, its process id too.
 * Resolves when it ends.
 */
export function startHaproxy(
  program: string,
  { config, masterSocket }: HaproxyFiles,
): Promise<void> {
  const log = openSync(`${config}.log`, 'w', 0o600)
  const args = ['-W', '-S', `${masterSocket},mode,600`, '-p', `${config}.pid`, '-f', config]
  try {
    const master = spawn(program, args, { detached: true, stdio: ['ignore', log, log] })
    master.unref()
    return new Promise((resolve) => {
      master.on('error', () => resolve()).on('exit', () => resolve())
    })
  } finally {
    closeSync(log)
  }
}

/** What the last start or reload failed of; empty when the log does not tell. */
export async function lastAlerts({ config }: HaproxyFiles): Promise<string> {
  const text = await readFile(`${config}.log`, 'utf8').catch(() => '')
  const lastReload = text.lastIndexOf('Reloading HAProxy')
  return alertsIn(text.slice(Math.max(0, lastReload)))
}

/**
 * Replaces the configuration as a whole: HAProxy may read it at any time. Where there
 * is a program it is asked before, and what it has against the text is the error.
 */
export async function writeConfig(file: string, text: string, program?: string): Promise<void> {
  await writeFile(`${file}.tmp`, text, { mode: 0o600 })
  if (program !== undefined) await checkConfig(program, `${file}.tmp`)
  await rename(`${file}.tmp`, file)
}

/** Why an address cannot be listened at now; undefined when it can. */
export function bindProblem(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'not usable'))
    server.listen({ host: address, port, exclusive: true }, () => {
      server.close(() => resolve(undefined))
    })
  })
}

const alertsIn = (text: string): string =>
  [...text.matchAll(/^\[ALERT\]\s+\(\d+\) : (.+)$/gm)].map(([, reason]) => reason).join('; ')
