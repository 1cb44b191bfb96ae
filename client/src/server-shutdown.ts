/** A server that can be drained: a grpc-js Server or a nice-grpc one. */
export type DrainableServer =
  | {
      tryShutdown(done: (error?: Error) => void): void
      forceShutdown(): void
    }
  | { shutdown(): Promise<void>; forceShutdown(): void }

/** The pods behind each server that have neither left nor been lost, of all connections. */
const podsOf = new WeakMap<DrainableServer, Set<object>>()

/** Keeps the servers up while the pod needs them. */
export function holdServers(servers: readonly DrainableServer[], pod: object): void {
  for (const server of servers) {
    const pods = podsOf.get(server) ?? new Set()
    podsOf.set(server, pods.add(pod))
  }
}

/** The pod needs them no more. Returns those that no other pod needs. */
export function releaseServers(
  servers: readonly DrainableServer[],
  pod: object,
): readonly DrainableServer[] {
  return servers.filter((server) => {
    const pods = podsOf.get(server)
    pods?.delete(pod)
    return !pods?.size
  })
}

/**
 * Lets the calls of a server end and then closes it; after `graceMs` milliseconds
 * the calls left are cancelled. grpc-js may never report the end of a graceful
 * shutdown while a stream is open, hence the timer in every case. A grpc-js server
 * made with `grpc.enable_channelz`: 0 does not know its connections (1.14) and
 * cancels nothing.
 */
export async function shutdownServer(server: DrainableServer, graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise<string>((resolve) => {
    // Not unref'ed: the process waits for its calls.
    timer = setTimeout(resolve, graceMs, 'over')
  })
  // What cannot end gracefully ends all the same.
  const end = await Promise.race([gracefully(server).catch(() => 'failed'), grace])
  clearTimeout(timer)
  if (end !== undefined) server.forceShutdown()
}

const gracefully = (server: DrainableServer): Promise<void> =>
  'tryShutdown' in server
    ? new Promise((resolve, reject) => {
        server.tryShutdown((error) => (error ? reject(error) : resolve()))
      })
    : server.shutdown()
