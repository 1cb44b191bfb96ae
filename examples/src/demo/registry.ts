import { fileURLToPath } from 'node:url'
import type { Child } from './child.ts'
import { type Children, within } from './children.ts'

const PROGRAM = fileURLToPath(new URL('../../../server/dist/main.js', import.meta.url))

/** What the registry logs when it can be reached. */
const SERVING = /"address":"([^"]+)".*"msg":"serving"/

const START_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 8_000

/** A registry in a process of its own, on one file and, once it has one, one port. */
export class Registry {
  readonly #children: Children
  readonly #file: string
  #address = '127.0.0.1:0'
  #process: Child | undefined

  constructor(children: Children, file: string) {
    this.#children = children
    this.#file = file
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return this.#address
  }

  /** Resolves when it listens. */
  async start(signal: AbortSignal): Promise<void> {
    const started = this.#children.start({
      name: 'registry',
      file: PROGRAM,
      args: ['--data', this.#file, '--listen', this.#address, '--log-level', 'info'],
    })
    this.#process = started
    const [, address] = await within(
      START_TIMEOUT_MS,
      () => `the registry did not come up within ${START_TIMEOUT_MS / 1000} s\n${started.log}`,
      signal,
      (either) => started.line(SERVING, either),
    )
    this.#address = address ?? this.#address
  }

  /** Resolves when it has ended, as it should: by itself, on SIGTERM. */
  async stop(): Promise<void> {
    const stopped = this.#process
    if (stopped === undefined) return
    const { code, how } = await stopped.stop(STOP_GRACE_MS)
    if (code !== 0) throw new Error(`the registry ended with ${how}\n${stopped.log}`)
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }
}
