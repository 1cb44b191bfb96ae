import {
  connectRoster,
  type RegisterOptions,
  type Registration,
  type RosterEvent,
} from '@roster/client'
import { ChildProgram } from '../child-program.ts'
import { type Context, durationOf, type ExitCode } from '../context.ts'
import { CommandError, explain } from '../errors.ts'
import { localProbe } from '../local-probe.ts'
import { asTheCallFailed, parseLabel, parsePort, parseWeight } from './register.ts'

export interface RunFlags {
  readonly name?: string
  readonly label?: readonly string[]
  readonly port?: readonly string[]
  readonly probe?: string
  readonly address?: readonly string[]
  readonly node?: string
  readonly zone?: string
  readonly weight?: string
  readonly grace: string
  readonly wait?: true
}

/** Between two probes, in milliseconds: a program that starts is not kept waiting. */
const PROBE_PERIOD_MS = 500

/**
 * `roster run`: runs a program as a pod. Answers the program's exit code, 128 + N
 * where signal N ended it, 127 where there is no such program and 126 where it
 * cannot be started, as shells do. A registry that is away, or refuses the pod,
 * keeps nothing from running, unless it is to be waited for.
 */
export async function runProgram(
  command: readonly string[],
  flags: RunFlags,
  context: Context,
): Promise<ExitCode> {
  const graceMs = durationOf(flags.grace, '--grace')
  const pod = podOf(flags, context)
  const { connection } = context
  const roster = connectRoster(connection.address, {
    ...connection.sdkOptions,
    onEvent: remarks(context),
  })
  let registration: Registration | undefined
  let program: ChildProgram | undefined
  try {
    if (flags.wait) {
      // Nobody is there yet who could take a call.
      registration = roster.register({ ...pod, ready: false })
      await untilRegistered(registration)
    }
    program = new ChildProgram(command, { graceMs, drain: async () => registration?.drain() })
    await program.started()
    if (registration) void registration.setReady(true)
    else registration = roster.register(pod)
    return await program.ended()
  } catch (error) {
    return failed(error, command, context)
  } finally {
    program?.close()
    // Takes the pod out at once where it has not been drained.
    await roster.close()
  }
}

async function untilRegistered({ ready }: Registration): Promise<void> {
  // The only thing that holds the process while there is neither a registry nor a program.
  const hold = setInterval(() => undefined, 2 ** 30)
  try {
    await ready
  } catch (error) {
    throw new CommandError('the registry refuses the pod', { cause: error })
  } finally {
    clearInterval(hold)
  }
}

/** What went wrong before the program ran. */
function failed(
  error: unknown,
  [command = '']: readonly string[],
  { terminal }: Context,
): ExitCode {
  // The event has told why.
  if (error instanceof CommandError) return 1
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOENT' && code !== 'EACCES') throw error
  const why = code === 'ENOENT' ? 'there is no such program' : 'it may not be run'
  terminal.err(`error: cannot run ${command}: ${why}\n`)
  return code === 'ENOENT' ? 127 : 126
}

/** Tells what becomes of the pod, on standard error: standard output is the program's. */
function remarks({ terminal, connection: { address } }: Context): (event: RosterEvent) => void {
  let isAway = false
  return (event) => {
    switch (event.type) {
      case 'registered':
        terminal.err(`pod ${event.pod} registered\n`)
        return
      case 'lease_alive':
        isAway = false
        return
      case 'lease_broken':
        if (!isAway)
          terminal.err(`${explain(asTheCallFailed(event.error), address)}\n  trying again\n`)
        isAway = true
        return
      case 'registration_delayed':
        terminal.err(
          `pod ${event.pod}: no way to ${address} to take an address from: give --address\n`,
        )
        return
      case 'registration_lost':
        terminal.err(
          `error: pod ${event.pod} is not registered: ${explain(asTheCallFailed(event.error), address)}\n`,
        )
    }
  }
}

function podOf(flags: RunFlags, { namespace }: Context): RegisterOptions {
  const { name, address, node, zone, probe } = flags
  const weight = flags.weight === undefined ? undefined : parseWeight(flags.weight)
  const readiness = probe === undefined ? undefined : localProbe(probe, address?.[0] ?? '127.0.0.1')
  return {
    namespace,
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    ports: (flags.port ?? []).map(parsePort),
    ...(name !== undefined && { name }),
    ...(address && { addresses: address }),
    ...(node !== undefined && { node }),
    ...(zone !== undefined && { zone }),
    ...(weight !== undefined && { weight }),
    ...(readiness && { readiness, readinessPeriodMs: PROBE_PERIOD_MS }),
  }
}
