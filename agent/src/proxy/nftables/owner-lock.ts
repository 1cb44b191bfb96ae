import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * An abstract socket: Linux keeps its names apart by network namespace, as it does
 * rules, and frees them when the process is gone, however it went.
 */
const NAME = '\0roster-nftables'

/** Held by the one agent that writes the rules of this network namespace. */
export interface OwnerLock {
  release(): void
}

/** Takes the lock. Throws an error that names the owner when another process has it. */
export async function takeOwnerLock(owner: string): Promise<OwnerLock> {
  const server = createServer((socket) => socket.on('error', () => {}).end(owner)).unref()
  try {
    await once(server.listen(NAME), 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new Error(
      `the nftables rules of this network namespace belong to another agent (${await ownerName()}): stop it, or run this one with the userspace proxy`,
    )
  }
  return { release: () => server.close() }
}

async function ownerName(): Promise<string> {
  const socket = connect(NAME).setEncoding('utf8').setTimeout(1_000)
  socket.once('timeout', () => socket.destroy())
  let name = ''
  try {
    for await (const text of socket) name += text
  } catch {
    // It went away just now, or does not answer: it had the lock all the same.
  }
  return name || 'unknown'
}
