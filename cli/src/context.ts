import type { Command } from 'commander'
import { type Connection, connect } from './connection.ts'
import { parseDuration } from './duration.ts'
import { explain, UsageError } from './errors.ts'
import type { Terminal } from './terminal.ts'

/** Where the registry is when nobody says. */
export const DEFAULT_REGISTRY = '127.0.0.1:7400'
const DEFAULT_NAMESPACE = 'default'
const DEFAULT_TIMEOUT = '10s'

/** Flags every command takes. */
interface GlobalFlags {
  readonly registry?: string
  readonly token?: string
  readonly ca?: string
  readonly namespace?: string
  readonly timeout?: string
}

/** What a command that talks to the registry works with. */
export interface Context {
  readonly terminal: Terminal
  readonly connection: Connection
  /** The namespace to work in. */
  readonly namespace: string
  /** The namespace if a flag names it: manifests must then agree with it. */
  readonly namespaceFlag?: string
  /** --timeout in milliseconds. */
  readonly timeoutMs: number
}

/** 0 done, 1 failed, 2 the command line makes no sense; of `roster run`, what its command ended with. */
export type ExitCode = number

/**
 * Runs a command against the registry its flags or the environment name, and
 * prints why it failed. `spareMs`: by how much a call may take longer than
 * --timeout, for commands that have the registry watch the time.
 */
export async function withRegistry(
  terminal: Terminal,
  command: Command,
  act: (context: Context) => Promise<ExitCode>,
  spareMs = 0,
): Promise<ExitCode> {
  const flags = command.optsWithGlobals<GlobalFlags>()
  const { env } = terminal
  const address = flags.registry ?? (env.ROSTER_REGISTRY || DEFAULT_REGISTRY)
  const token = flags.token ?? env.ROSTER_TOKEN
  const timeoutMs = durationOf(flags.timeout ?? DEFAULT_TIMEOUT, '--timeout')
  const connection = connect({
    address,
    ...(token !== undefined && { token }),
    ...(flags.ca !== undefined && { caFile: flags.ca }),
    timeoutMs: timeoutMs + spareMs,
  })
  try {
    return await act({
      terminal,
      connection,
      namespace: flags.namespace ?? (env.ROSTER_NAMESPACE || DEFAULT_NAMESPACE),
      ...(flags.namespace !== undefined && { namespaceFlag: flags.namespace }),
      timeoutMs,
    })
  } catch (error) {
    if (error instanceof UsageError) throw error
    terminal.err(`error: ${explain(error, address)}\n`)
    return 1
  } finally {
    connection.close()
  }
}

/** Milliseconds of a flag. Throws UsageError for what is no duration, or none at all. */
export function durationOf(text: string, flag: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0 && ms < 2 ** 31) return ms
  throw new UsageError(`${flag} ${text} is no duration: give it like 500ms, 10s or 1m30s`)
}
