import type { ContainerPort, Pod } from '@roster/proto'
import { type Context, durationOf, type ExitCode } from '../context.ts'
import { printDuration } from '../duration.ts'
import { CommandError, explain, UsageError } from '../errors.ts'
import { LeasedPod, type LeaseEvent } from '../leased-pod.ts'
import { addressToward } from '../local-address.ts'

export interface RegisterFlags {
  readonly label?: readonly string[]
  readonly port?: readonly string[]
  readonly ip?: readonly string[]
  readonly zone?: string
  readonly node?: string
  readonly weight?: string
  readonly ttl: string
}

/** `roster register`: a pod that is registered for as long as the command runs. */
export async function register(
  name: string,
  flags: RegisterFlags,
  context: Context,
): Promise<ExitCode> {
  const { connection, terminal } = context
  const leased = new LeasedPod(
    connection,
    await podOf(name, flags, context),
    durationOf(flags.ttl, '--ttl'),
  )
  const signal = terminal.stopSignal()
  try {
    await leased.keep((event) => {
      const line = `${lineOf(event, name, context)}\n`
      if (event.type === 'registered') terminal.out(line)
      else terminal.err(line)
    }, signal)
  } finally {
    await leased.release()
  }
  terminal.out(`pod/${name} deregistered\n`)
  return 0
}

function lineOf(event: LeaseEvent, name: string, { connection }: Context): string {
  if (event.type === 'registered') {
    return `pod/${name} registered (lease ${event.leaseId}, ttl ${printDuration(event.ttlMs)})`
  }
  if (event.type === 'expired') return `pod/${name}: its lease ran out, registering again`
  return `pod/${name}: ${explain(event.error, connection.address)}\n  trying again`
}

async function podOf(name: string, flags: RegisterFlags, context: Context): Promise<Pod> {
  const { connection, namespace } = context
  const address = flags.ip ? undefined : await addressToward(connection.address)
  const podIps = flags.ip ?? (address === undefined ? [] : [address])
  if (podIps.length === 0) {
    throw new CommandError(`no way to ${connection.address} to take an address from: give --ip`)
  }
  const weight = flags.weight === undefined ? undefined : parseWeight(flags.weight)
  return {
    metadata: { name, namespace, labels: Object.fromEntries((flags.label ?? []).map(parseLabel)) },
    spec: {
      ports: (flags.port ?? []).map(parsePort),
      nodeName: flags.node ?? '',
      zone: flags.zone ?? '',
      ...(weight !== undefined && { weight }),
    },
    status: { podIps: [...podIps] },
  }
}

function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw new UsageError(`--label ${text}: give it as KEY=VALUE`)
}

/** `8080`, `http=8080`, `53/UDP`, `dns=53/UDP`. */
export function parsePort(text: string): ContainerPort {
  const [, name = '', port, protocol = 'TCP'] =
    /^(?:([^=]+)=)?(\d{1,5})(?:\/(\w+))?$/.exec(text) ?? []
  if (port === undefined) {
    throw new UsageError(`--port ${text}: give it as [NAME=]PORT[/PROTOCOL], like http=8080/TCP`)
  }
  return { name, containerPort: Number(port), protocol: protocol.toUpperCase() }
}

function parseWeight(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 10_000) return Number(text)
  throw new UsageError(`--weight ${text}: give a number from 0 to 10000`)
}
