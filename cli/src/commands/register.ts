import { setTimeout as sleep } from 'node:timers/promises'
import { connectRoster, type RegisterOptions, RosterError, type RosterEvent } from '@roster/client'
import type { ContainerPort } from '@roster/proto'
import { type Context, durationOf, type ExitCode } from '../context.ts'
import { printDuration } from '../duration.ts'
import { CommandError, explain, UsageError } from '../errors.ts'

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
  const pod = podOf(name, flags, context)
  const leaseTtlMs = durationOf(flags.ttl, '--ttl')
  const stopped = terminal.stopSignal()
  const course = new Course(`pod/${name}`, leaseTtlMs, context)
  const roster = connectRoster(connection.address, {
    ...connection.sdkOptions,
    leaseTtlMs,
    onEvent: course.onEvent,
  })
  try {
    const registration = roster.register(pod)
    await untilAborted(AbortSignal.any([stopped, course.failed]))
    course.throwIfFailed()
    await registration.drain()
    course.throwIfFailed()
  } finally {
    await roster.close()
  }
  terminal.out(`pod/${name} deregistered\n`)
  return 0
}

/** What becomes of the pod, told as it comes, and whether that is the end of it. */
class Course {
  readonly #pod: string
  readonly #ttlMs: number
  readonly #context: Context
  readonly #failed = new AbortController()
  #isRegistered = false
  #isAway = false

  constructor(pod: string, ttlMs: number, context: Context) {
    this.#pod = pod
    this.#ttlMs = ttlMs
    this.#context = context
  }

  /** Aborted by what the registry refuses, and by all that goes wrong before the pod is registered. */
  get failed(): AbortSignal {
    return this.#failed.signal
  }

  throwIfFailed(): void {
    this.failed.throwIfAborted()
  }

  readonly onEvent = (event: RosterEvent): void => {
    const { terminal, connection } = this.#context
    switch (event.type) {
      case 'registered': {
        this.#isRegistered = true
        const lease = `lease ${event.leaseId}, ttl ${printDuration(this.#ttlMs)}`
        terminal.out(`${this.#pod} registered (${lease})\n`)
        return
      }
      case 'lease_alive':
        this.#isAway = false
        return
      case 'lease_lost':
        terminal.err(`${this.#pod}: its lease ran out, registering again\n`)
        return
      case 'lease_broken':
        this.#onBroken(event.error)
        return
      case 'registration_delayed': {
        const way = `no way to ${connection.address} to take an address from`
        this.#failed.abort(new CommandError(`${way}: give --ip`))
        return
      }
      case 'registration_lost':
        this.#failed.abort(asTheCallFailed(event.error))
        return
      case 'drain_unacknowledged':
        if (event.error.retryable) this.#failed.abort(asTheCallFailed(event.error))
    }
  }

  #onBroken(reason: RosterError): void {
    const { terminal, connection } = this.#context
    const error = asTheCallFailed(reason)
    if (!this.#isRegistered) this.#failed.abort(error)
    else if (!this.#isAway) {
      terminal.err(`${this.#pod}: ${explain(error, connection.address)}\n  trying again\n`)
    }
    this.#isAway = true
  }
}

/** The error of the call beneath, from which the command explains what to do. */
export const asTheCallFailed = (error: unknown): unknown =>
  error instanceof RosterError && error.cause !== undefined ? asTheCallFailed(error.cause) : error

/** Waits, and holds the process: a command that waits is not done. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  sleep(2 ** 31 - 1, undefined, { signal }).catch(() => undefined)

function podOf(name: string, flags: RegisterFlags, { namespace }: Context): RegisterOptions {
  const weight = flags.weight === undefined ? undefined : parseWeight(flags.weight)
  return {
    name,
    namespace,
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    ports: (flags.port ?? []).map(parsePort),
    ...(flags.ip && { addresses: flags.ip }),
    ...(flags.node !== undefined && { node: flags.node }),
    ...(flags.zone !== undefined && { zone: flags.zone }),
    ...(weight !== undefined && { weight }),
  }
}

/** `app=web`. */
export function parseLabel(text: string): [key: string, value: string] {
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

/** 0 to 10000. */
export function parseWeight(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 10_000) return Number(text)
  throw new UsageError(`--weight ${text}: give a number from 0 to 10000`)
}
