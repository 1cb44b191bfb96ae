import { CommanderError } from 'commander'
import { type AgentOptions, startAgent } from './agent.ts'
import { agentCommand } from './config.ts'

/**
 * `roster agent`: runs until SIGTERM or SIGINT, or until the process that started
 * it with a channel is gone, then stops in good order; a second signal ends it at
 * once. Answers the exit code: 0 stopped, 1 could not start or go on, 2 wrong usage.
 */
export async function runAgent(args: readonly string[]): Promise<number> {
  const command = agentCommand(run).name('roster agent').exitOverride()
  try {
    await command.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`error: ${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

async function run(options: AgentOptions): Promise<void> {
  const stopping = stopRequest()
  const agent = await startAgent(options)
  // The one timer that keeps the process: an agent is there to wait.
  const life = setInterval(() => undefined, 2 ** 30)
  const error = await Promise.race([stopping, agent.failed])
  clearInterval(life)
  await agent.stop()
  if (error !== undefined) throw error
}

function stopRequest(): Promise<undefined> {
  return new Promise((resolve) => {
    let signals = 0
    const onSignal = () => {
      if (++signals > 1) process.kill(process.pid, 'SIGKILL')
      resolve(undefined)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
    if (process.send === undefined) return
    // Who started it may be gone already.
    if (!process.connected) return resolve(undefined)
    process.once('disconnect', () => resolve(undefined))
    // To listen keeps the process, and it would never end by itself.
    process.channel?.unref()
  })
}
