import type { WatcherLag__Output } from '@roster/proto'
import type { Context, ExitCode } from '../context.ts'
import { printDuration } from '../duration.ts'
import { printName } from '../kinds.ts'

/** `roster drain`: takes a pod out of use, and waits until those who call it know. */
export async function drain(
  name: string,
  { connection, namespace, terminal, timeoutMs }: Context,
): Promise<ExitCode> {
  const { laggards, watchers } = await connection.pods.drainPod({ namespace, name, timeoutMs })
  const pod = printName('pods', name)
  if (laggards.length === 0) {
    terminal.out(`${pod} drained: ${printCount(watchers)}\n`)
    return 0
  }
  const share = `${laggards.length} of ${watchers} ${watchers === 1 ? 'watcher' : 'watchers'}`
  terminal.err(
    `error: ${pod} is marked, but after ${printDuration(timeoutMs)} ${share} may still call it:\n` +
      laggards.map((lag) => `  ${printLag(lag)}\n`).join(''),
  )
  return 1
}

function printCount(watchers: number): string {
  if (watchers === 0) return 'nobody watches its services'
  return watchers === 1 ? '1 watcher has it' : `${watchers} watchers have it`
}

const printLag = ({ client, ackedRevision }: WatcherLag__Output): string =>
  ackedRevision === 0
    ? `${client} (has acknowledged nothing)`
    : `${client} (has acknowledged revision ${ackedRevision})`
