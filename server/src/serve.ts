import { CommanderError } from 'commander'
import { startRegistry } from './app.ts'
import { type Config, serveCommand } from './config.ts'

/**
 * `roster serve`: runs until SIGTERM or SIGINT, then stops in good order; a
 * second signal ends it at once. Answers the exit code: 0 stopped, 1 could not
 * start, 2 wrong usage.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const command = serveCommand(run).name('roster serve').exitOverride()
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

async function run(config: Config): Promise<void> {
  const registry = await startRegistry(config)
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
  const error = await Promise.race([signalled, registry.failed])
  await registry.stop()
  if (error !== undefined) throw error
}
