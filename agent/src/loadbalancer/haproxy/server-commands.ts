import { serverWords } from './config-text.ts'
import type { Listener, Server } from './plan.ts'
import type { RunningServer } from './running-servers.ts'

/** What brings the servers of a running HAProxy nearer to the plan. */
export interface ServerCommands {
  readonly commands: readonly string[]
  /** Whether servers are on their way out: come again. */
  readonly isLeaving: boolean
}

/**
 * The commands for servers that came, changed or are to go. One that goes is drained
 * first, so that connections just given to it come through; then it is taken out of
 * service and deleted, which HAProxy refuses for as long as it has connections. With
 * session affinity it is taken out at once: draining goes on serving its clients.
 */
export function serverCommands(
  listeners: readonly Listener[],
  running: readonly RunningServer[],
  hasChecks: boolean,
): ServerCommands {
  const commands: string[] = []
  let isLeaving = false
  const byBackend = new Map<string, Map<string, RunningServer>>()
  for (const server of running) {
    const ofBackend = byBackend.get(server.backend) ?? new Map<string, RunningServer>()
    byBackend.set(server.backend, ofBackend.set(server.name, server))
  }
  for (const listener of listeners) {
    const present = byBackend.get(listener.name) ?? new Map<string, RunningServer>()
    for (const server of listener.servers) {
      const id = `${listener.name}/${server.name}`
      const there = present.get(server.name)
      commands.push(...(there ? toKeep(id, server, there) : toAdd(id, server, hasChecks)))
      present.delete(server.name)
    }
    for (const server of present.values()) {
      isLeaving = true
      commands.push(...toRemove(server, listener.affinityTimeoutS !== undefined))
    }
  }
  return { commands, isLeaving }
}

function toAdd(id: string, server: Server, hasChecks: boolean): readonly string[] {
  return [
    `add server ${id} ${serverWords(server, hasChecks)}`,
    ...(hasChecks ? [`enable health ${id}`] : []),
    `enable server ${id}`,
  ]
}

function toKeep(id: string, { weight }: Server, there: RunningServer): readonly string[] {
  return [
    ...(there.weight === weight ? [] : [`set server ${id} weight ${weight}`]),
    ...(there.state === 'ready' ? [] : [`set server ${id} state ready`]),
  ]
}

function toRemove(
  { backend, name, state }: RunningServer,
  hasAffinity: boolean,
): readonly string[] {
  const id = `${backend}/${name}`
  if (state === 'ready' && !hasAffinity) return [`set server ${id} state drain`]
  const takeOut = state === 'maint' ? [] : [`set server ${id} state maint`]
  return [...takeOut, `del server ${id}`]
}
