import { setTimeout as sleep } from 'node:timers/promises'
import { Backoff } from '@roster/client'
import type { Subscribe, WatchEndpointsResponse__Output } from '@roster/proto'
import { ClientError, Status } from 'nice-grpc'
import type { Context, ExitCode } from '../context.ts'
import { EndpointLog } from '../endpoint-log.ts'
import { explain, UsageError } from '../errors.ts'
import { EVENT_COLUMNS, type EventStyle, eventCells, eventJson } from '../print/events.ts'
import { LiveTable } from '../print/table.ts'

export interface WatchFlags {
  readonly all?: boolean
  readonly allNamespaces?: boolean
  readonly output: EventStyle | 'json'
}

/**
 * `roster watch`: every change of endpoints as it comes, until a signal ends it.
 * A registry that goes away is waited for, once it has answered.
 */
export async function watch(
  service: string | undefined,
  flags: WatchFlags,
  context: Context,
): Promise<ExitCode> {
  const { connection, terminal } = context
  const subscription = subscriptionOf(service, flags, context)
  const signal = terminal.stopSignal()
  const print = printer(flags.output, context)
  const place = new Place(service === undefined ? 'many' : 'one')
  const backoff = new Backoff()
  for (let retry = 0; !signal.aborted; retry++) {
    backoff.started()
    const requests = once({ subscribe: { ...subscription, resume: place.resume() } })
    const stream = connection.endpoints.watchEndpoints(requests, { signal })
    try {
      await readAll(stream, (response) => {
        retry = 0
        place.moveTo(response)
        print(response)
      })
      throw new ClientError('WatchEndpoints', Status.UNAVAILABLE, 'the registry ended the watch')
    } catch (error) {
      if (signal.aborted) break
      if (!isLost(error) || !place.isTaken) throw error
      if (retry === 0) terminal.err(`${explain(error, connection.address)}\n  trying again\n`)
    }
    // Aborting is the other way to the end of the wait. It holds the process: a
    // command that waits is not done.
    await sleep(backoff.nextDelayMs(), undefined, { signal }).catch(() => undefined)
  }
  return 0
}

async function readAll<T>(stream: AsyncIterable<T>, read: (message: T) => void): Promise<void> {
  for await (const message of stream) read(message)
}

function subscriptionOf(
  service: string | undefined,
  { all, allNamespaces }: WatchFlags,
  { namespace }: Context,
): Subscribe {
  const isWide = all === true || allNamespaces === true
  if ((service === undefined) !== isWide) {
    throw new UsageError('watch one SERVICE, or --all of a namespace, or -A for all namespaces')
  }
  return { namespace: allNamespaces ? '' : namespace, service: service ?? '' }
}

/** Statuses a call ends with when its connection does. */
const LOST: ReadonlySet<Status> = new Set([Status.UNAVAILABLE, Status.INTERNAL, Status.CANCELLED])

const isLost = (error: unknown): boolean => error instanceof ClientError && LOST.has(error.code)

/** One request; the watch goes on when nothing follows it. */
async function* once<T>(request: T): AsyncGenerator<T> {
  yield request
}

/** How far the watch has come, so that a new one goes on where the last one broke. */
class Place {
  readonly #services: 'one' | 'many'
  #storeId: string | undefined
  #revision = 0
  #isTaken = false

  constructor(services: 'one' | 'many') {
    this.#services = services
  }

  /** Whether the registry has answered at all. */
  get isTaken(): boolean {
    return this.#isTaken
  }

  moveTo({ bookmark, revision }: WatchEndpointsResponse__Output): void {
    this.#isTaken = true
    if (bookmark) {
      // Taken as it is: in another history revisions may be smaller.
      this.#storeId = bookmark.storeId
      this.#revision = revision
    } else if (this.#services === 'one') {
      // A message about one of many services says nothing of the others.
      this.#revision = Math.max(this.#revision, revision)
    }
  }

  resume() {
    return this.#storeId === undefined ? null : { storeId: this.#storeId, revision: this.#revision }
  }
}

/** Prints what a message says, in the form that was asked for. */
function printer(
  output: WatchFlags['output'],
  { terminal }: Context,
): (response: WatchEndpointsResponse__Output) => void {
  const log = new EndpointLog()
  if (output === 'json') {
    return (response) => {
      for (const event of log.read(response)) {
        terminal.out(`${JSON.stringify(eventJson(event, response))}\n`)
      }
    }
  }
  const columns = EVENT_COLUMNS[output]
  const table = new LiveTable(columns.map(({ width }) => width))
  terminal.out(table.row(columns.map(({ title }) => title)))
  return (response) => {
    for (const event of log.read(response)) {
      terminal.out(table.row(eventCells(event, response, output)))
    }
  }
}
