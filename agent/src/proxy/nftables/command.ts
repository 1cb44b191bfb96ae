import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'

/** What runs programs of the system gets them from; as root or not. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`
/** A full update of many thousand services takes seconds. */
const TIMEOUT_MS = 60_000
const KEPT_ERROR_CHARS = 500

/** A program did not do what it was asked. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** `ENOENT`: there is no such program. Absent: it ran, and failed. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/**
 * Runs a program with the parts of `input` on its standard input; answers what it printed. Throws
 * CommandError when it is missing, fails, takes longer than a minute, or when the
 * signal is aborted.
 */
export async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  input: Iterable<string>,
  signal?: AbortSignal,
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, PATH, LC_ALL: 'C' },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    ...(signal && { signal }),
  })
  const output: Buffer[] = []
  let errors = ''
  child.stdout.on('data', (part: Buffer) => output.push(part))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (errors.length < KEPT_ERROR_CHARS) errors += text.slice(0, KEPT_ERROR_CHARS)
  })
  // It may end before it has read everything; its exit code tells why.
  child.stdin.on('error', () => {})
  Readable.from(input).pipe(child.stdin)
  const [code, killedBy] = await once(child, 'close').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot run ${program}: ${error.message}`, error.code)
  })
  if (code === 0) return Buffer.concat(output).toString()
  const why = errors.trim() || (killedBy ? `killed by ${killedBy}` : `exit code ${code}`)
  throw new CommandError(`${program}: ${why}`)
}
