import { type Command, CommanderError } from 'commander'
import { startRegistry } from './app.ts'
import { type Config, serveCommand } from './config.ts'

/** A registry that serves, as somebody beside it has to know it. */
export interface ServingRegistry {
  /** `host:port` it listens at. */
  readonly address: string
  readonly config: Config
  /** File with the certificate chain it shows. Absent: no TLS. */
  readonly certFile?: string
}

/** Starts an agent for the registry; it is stopped before the registry stops. */
export type StartAgent = (registry: ServingRegistry) => { stop(): Promise<void> }

/**
 * `roster serve`: runs until SIGTERM or SIGINT, then stops in good order; a
 * second signal ends it at once. Answers the exit code: 0 stopped, 1 could not
 * start, 2 wrong usage. With `startAgent` an agent runs beside the registry,
 * unless --no-agent says otherwise.
 */
export async function serve(args: readonly string[], startAgent?: StartAgent): Promise<number> {
  const command: Command = serveCommand(async (config) => {
    const { agent, tlsCert } = command.opts<{ agent?: boolean; tlsCert?: string }>()
    const certFile = tlsCert === undefined ? {} : { certFile: tlsCert }
    const start = agent === false ? undefined : startAgent
    await run(config, (address) => start?.({ address, config, ...certFile }))
  })
    .name('roster serve')
    .exitOverride()
  if (startAgent) command.option('--no-agent', 'do not start an agent beside the registry')
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

async function run(
  config: Config,
  startAgent: (address: string) => ReturnType<StartAgent> | undefined,
): Promise<void> {
  // Before there is an agent that the signal would leave behind.
  const signalled = new Promise<undefined>((resolve) => {
    let signals = 0
    const onSignal = (signal: NodeJS.Signals) => {
      if (++signals > 1) process.kill(process.pid, 'SIGKILL')
      process.stderr.write(`${signal}: stopping; once more to stop at once\n`)
      resolve(undefined)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
  const registry = await startRegistry(config)
  const agent = startAgent(registry.address)
  const error = await Promise.race([signalled, registry.failed])
  await agent?.stop()
  await registry.stop()
  if (error !== undefined) throw error
}
