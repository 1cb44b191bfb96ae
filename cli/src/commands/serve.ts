import { startAgentChild } from '../agent-child.ts'

/**
 * `roster serve`: the registry in this process, and an agent in one beside it.
 * Flags and help are the server's. Loaded when asked for: no other command needs
 * its native code.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const server = await import('@roster/server')
  return server.serve(args, ({ address, config, certFile }) => {
    const { token, clusterIPRanges, logLevel } = config
    return startAgentChild({
      address,
      clusterIPRanges,
      logLevel,
      ...(token !== undefined && { token }),
      ...(certFile !== undefined && { certFile }),
    })
  })
}
