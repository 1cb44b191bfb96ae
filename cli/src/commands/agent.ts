/**
 * `roster agent`: an agent in this process. Flags and help are the agent's. Loaded
 * when asked for: no other command needs it.
 */
export async function agent(args: readonly string[]): Promise<number> {
  const { runAgent } = await import('@roster/agent')
  return runAgent(args)
}
