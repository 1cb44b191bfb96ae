import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** What the agent reads of a container (Docker Engine API, GET /containers/{id}/json). */
export interface Container {
  readonly Id: string
  /** Begins with a slash. */
  readonly Name: string
  /** RFC 3339. */
  readonly Created: string
  readonly State: {
    readonly Status: string
    readonly ExitCode: number
    /** RFC 3339; year 1 when it never ran. */
    readonly StartedAt: string
    readonly Health?: { readonly Status: string } | null
  }
  readonly Config: {
    readonly Labels: Readonly<Record<string, string>> | null
    readonly Env?: readonly string[] | null
    /** By `8080/tcp`. */
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null
    /** As `SIGQUIT` or a number. Absent: SIGTERM. */
    readonly StopSignal?: string
  }
  readonly HostConfig: { readonly NetworkMode: string }
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, NetworkEndpoint>> | null
  }
}

interface NetworkEndpoint {
  readonly IPAddress: string
  readonly GlobalIPv6Address: string
}

/** Something that happened in the engine (GET /events). */
export interface EngineEvent {
  readonly Type: string
  readonly Action: string
  readonly Actor: {
    readonly ID: string
    readonly Attributes: Readonly<Record<string, string>> | null
  }
  /** Nanoseconds since 1970; JSON rounds them to some hundred. */
  readonly timeNano: number
}

/** How long an answer may take, in milliseconds: an engine that is busy takes seconds. */
const ANSWER_TIMEOUT_MS = 15_000
/** Longer than any event: a container's labels stand in it. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024
const FILTERS = JSON.stringify({ type: ['container', 'network'] })

/**
 * The few questions the agent has for a Docker engine, as plain HTTP over its Unix
 * socket. Only GET: /events and /containers/. Paths carry no version, so that each
 * engine answers with its newest; the fields read are in all of them since 1.24.
 */
export class DockerEngine {
  readonly socketPath: string

  constructor(socketPath: string) {
    this.socketPath = socketPath
  }

  /** Ids of all containers, those that do not run too. */
  async containerIds(signal: AbortSignal): Promise<readonly string[]> {
    const containers = await this.#read<readonly { Id: string }[]>('/containers/json?all=1', signal)
    return (containers ?? []).map(({ Id }) => Id)
  }

  /** Undefined when there is none. */
  inspect(id: string, signal: AbortSignal): Promise<Container | undefined> {
    return this.#read<Container>(`/containers/${encodeURIComponent(id)}/json`, signal)
  }

  /**
   * Everything that happens from now on, and what the engine remembers since a
   * time in seconds since 1970. Never ends well: throws when the engine goes away.
   */
  async events(sinceSeconds: number, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const query = new URLSearchParams({ filters: FILTERS, since: sinceSeconds.toFixed(3) })
    const path = `/events?${query}`
    const answer = await this.#ask(path, signal)
    if (answer.statusCode !== 200) throw await this.#refusal(path, answer)
    return this.#eventsOf(answer)
  }

  async *#eventsOf(answer: IncomingMessage): AsyncGenerator<EngineEvent> {
    let rest = ''
    for await (const chunk of answer.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > MAX_EVENT_CHARACTERS) break
      for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
    }
    throw new Error(`docker at ${this.socketPath} ended its events`)
  }

  async #read<T>(path: string, signal: AbortSignal): Promise<T | undefined> {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)])
    const answer = await this.#ask(path, timely)
    if (answer.statusCode === 404) {
      answer.resume()
      return undefined
    }
    if (answer.statusCode !== 200) throw await this.#refusal(path, answer)
    return JSON.parse(await text(answer))
  }

  async #ask(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    // A connection each: a pool would outlive an engine that restarts.
    const ask = request({ socketPath: this.socketPath, path, signal, agent: false })
    // What goes wrong once the answer has begun is the reader's to see.
    ask.on('error', () => {})
    ask.end()
    const [answer] = (await once(ask, 'response')) as [IncomingMessage]
    return answer
  }

  async #refusal(path: string, answer: IncomingMessage): Promise<Error> {
    const why = (await text(answer)).trim().slice(0, 200)
    const status = `${answer.statusCode} ${why}`
    return new Error(`docker at ${this.socketPath} answered GET ${path} with ${status}`)
  }
}
