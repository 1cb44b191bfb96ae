import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { shapeIn } from './config-text.ts'
import { type RunningServer, runningServers } from './running-servers.ts'

/** How long HAProxy may take to answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5_000
/** How long a reload may take: HAProxy tries a second or so to bind what it cannot. */
const RELOAD_TIMEOUT_MS = 10_000
const POLL_MS = 20
/** Greatest line HAProxy reads (tune.bufsize), with room to spare. */
const MAX_LINE = 8_000

/** What a running HAProxy has. */
export interface Running {
  /** Digest of its configuration; undefined: it has none of ours. */
  readonly shape: string | undefined
  /** Names of its backends that are ours. */
  readonly backends: readonly string[]
  readonly servers: readonly RunningServer[]
}

/**
 * A running HAProxy, by the socket of its master process (`haproxy -W -S`). Commands
 * for the worker go through the master too (`@1`): during a reload the worker's own
 * socket may still be the old worker's.
 * Source: HAProxy 2.6 Management Guide, sections 9.3 and 9.4.
 */
export class Master {
  readonly #socket: string

  constructor(socket: string) {
    this.#socket = socket
  }

  /** What it has; undefined when there is no HAProxy at the socket. */
  async read(): Promise<Running | undefined> {
    let text: string
    try {
      text = await this.#ask('@1 show backend; @1 show servers state')
    } catch (error) {
      if (isAway(error)) return undefined
      throw error
    }
    const backends = [...text.matchAll(/^roster\.\S+$/gm)].map(([name]) => name)
    return { shape: shapeIn(backends), backends, servers: runningServers(text) }
  }

  /** Runs commands in the worker; what it said of those that failed. */
  async run(commands: readonly string[]): Promise<readonly string[]> {
    const failures: string[] = []
    for (const line of linesOf(commands.map((command) => `@1 ${command}`))) {
      const answer = await this.#ask(line)
      failures.push(...answer.split('\n').filter((text) => text !== '' && !EXPECTED.test(text)))
    }
    return failures
  }

  /** Has it read its configuration again; resolves when it has the shape. */
  async reload(shape: string): Promise<void> {
    await this.#ask('reload').catch((error: unknown) => {
      if (!isAway(error)) throw error
    })
    await this.loaded(shape)
  }

  /** Resolves when it has the shape; fails when it does not come to that. */
  async loaded(shape: string): Promise<void> {
    const endMs = performance.now() + RELOAD_TIMEOUT_MS
    while (performance.now() < endMs) {
      const running = await this.read().catch(() => undefined)
      if (running?.shape === shape) return
      const processes = await this.#ask('show proc').catch(() => '')
      if (/\[failed: [1-9]/.test(processes)) throw new Error('HAProxy refused its configuration')
      await sleep(POLL_MS)
    }
    throw new Error('HAProxy did not come up with its configuration')
  }

  #ask(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socket)
      let text = ''
      socket.setEncoding('utf8').setTimeout(ANSWER_TIMEOUT_MS, () => {
        socket.destroy(new Error(`HAProxy did not answer within ${ANSWER_TIMEOUT_MS} ms`))
      })
      socket.on('data', (part: string) => {
        text += part
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(text))
      socket.end(`${line}\n`)
    })
  }
}

/** Answers of commands that did what they were to, or may not yet. */
const EXPECTED =
  /^(New server registered\.|Server deleted\.|Server still has connections attached to it.*|Already exists a server with the same name in backend\.|No such server\.)$/

function* linesOf(commands: readonly string[]): Generator<string> {
  let line = ''
  for (const command of commands) {
    if (line !== '' && line.length + command.length > MAX_LINE) {
      yield line
      line = ''
    }
    line += line === '' ? command : `; ${command}`
  }
  if (line !== '') yield line
}

/** Nobody is there, or not just now: a master that reloads closes its connections. */
function isAway(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(String(code))
}
