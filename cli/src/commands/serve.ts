/**
 * `roster serve`: the registry in this process. Flags and help are the server's.
 * Loaded when asked for: no other command needs its native code.
 */
export async function serve(args: readonly string[]): Promise<number> {
  const server = await import('@roster/server')
  return server.serve(args)
}
