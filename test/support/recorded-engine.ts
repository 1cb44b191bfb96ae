import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Container, EngineEvent } from '../../agent/src/docker/engine.ts'
import { root } from './checkout.ts'

/** What happened between two looks, and what was there after it. */
interface Step {
  readonly step: string
  readonly events: readonly EngineEvent[]
  readonly containers: readonly Container[]
}

/** Answers of a real engine (Docker 20.10.24, API 1.41), a line for each step, cut to the fields read. */
const RECORDING = join(root, 'test/support/docker-conversation.jsonl')

/** A Docker engine that answers as a real one did, and to GET of /events and /containers/ only. */
export class RecordedEngine {
  readonly socketPath: string
  readonly #steps: readonly Step[]
  readonly #server = createServer((request, response) => this.#answer(request, response))
  readonly #listeners = new Set<ServerResponse>()
  readonly #past: EngineEvent[] = []
  #containers: readonly Container[] = []
  /** What was asked, as `GET /path`, queries apart. */
  readonly asked: string[] = []

  /** `replacing`: texts of the recording that are others here, such as addresses. */
  constructor(socketPath: string, replacing: Readonly<Record<string, string>> = {}) {
    this.socketPath = socketPath
    let text = readFileSync(RECORDING, 'utf8')
    for (const [old, other] of Object.entries(replacing)) text = text.replaceAll(old, other)
    const steps: Step[] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    this.#steps = broughtToToday(steps)
  }

  async start(): Promise<void> {
    this.#server.listen(this.socketPath)
    await once(this.#server, 'listening')
  }

  /** As when the engine stops: the containers may go on. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    rmSync(this.socketPath, { force: true })
  }

  /** Has a step of the recording happen now. */
  play(name: string): void {
    const step = this.#steps.find((one) => one.step === name)
    if (!step) throw new Error(`no step "${name}" in the recording`)
    this.#containers = step.containers
    this.#past.push(...step.events)
    for (const listener of this.#listeners) this.#send(step.events, listener)
  }

  /** Whether somebody listens to the events. */
  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'http://docker')
    this.asked.push(`${method} ${pathname}`)
    const [, id] = /^\/containers\/([^/]+)\/json$/.exec(pathname) ?? []
    const container = this.#containers.find(({ Id }) => Id === id)
    if (pathname === '/events') this.#listen(Number(searchParams.get('since')), response)
    else if (pathname === '/containers/json') response.end(JSON.stringify(this.#containers))
    else if (container) response.end(JSON.stringify(container))
    else response.writeHead(404).end(JSON.stringify({ message: `No such container: ${id}` }))
  }

  #listen(sinceSeconds: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    this.#listeners.add(response)
    response.on('close', () => this.#listeners.delete(response))
    this.#send(
      this.#past.filter(({ timeNano }) => timeNano / 1e9 >= sinceSeconds),
      response,
    )
  }

  #send(events: readonly EngineEvent[], listener: ServerResponse): void {
    for (const event of events) listener.write(`${JSON.stringify(event)}\n`)
  }
}

/** The same steps, begun just now: an engine and those who listen share a clock. */
function broughtToToday(steps: readonly Step[]): readonly Step[] {
  const [first] = steps.flatMap(({ events }) => events)
  const shiftMs = Date.now() - (first?.timeNano ?? 0) / 1e6
  const shifted = (time: string) => new Date(Date.parse(time) + shiftMs).toISOString()
  return steps.map(({ step, events, containers }) => ({
    step,
    events: events.map((event) => ({ ...event, timeNano: event.timeNano + shiftMs * 1e6 })),
    containers: containers.map((container) => ({
      ...container,
      Created: shifted(container.Created),
      State: { ...container.State, StartedAt: shifted(container.State.StartedAt) },
    })),
  }))
}
