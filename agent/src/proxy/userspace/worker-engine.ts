import { type ChildProcess, fork, type SendHandle, type StdioOptions } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Engine, RouteUpdate } from './engine.ts'
import type { HeldListener } from './held-listener.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

const PROGRAM = fileURLToPath(new URL('./worker-process.js', import.meta.url))

/** A worker that has not answered by then hangs, and is killed, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000

/** Carries the traffic in a process of its own. */
export class WorkerEngine implements Engine {
  /** Resolves when the process has ended, however. */
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #ready: Promise<FromWorker>
  #inherited: ReadonlyMap<string, HeldListener>

  /**
   * Starts the process with what is held by now: a thousand listeners cost it no more
   * than one, while those sent later wait for each other.
   */
  constructor(held: ReadonlyMap<string, HeldListener>) {
    this.#inherited = new Map(held)
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc', ...held.values()] as StdioOptions
    // None of this process's own flags: an inspector's port, for one, is taken.
    this.#child = fork(PROGRAM, { execArgv: [], stdio })
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve())
      // It could not be started, or could not be told something: it is of no use.
      this.#child.on('error', () => {
        this.#child.kill('SIGKILL')
        if (this.#child.pid === undefined) resolve()
      })
    })
    this.#ready = this.#answer('ready')
    this.#ready.catch(() => {})
    this.#send({ type: 'inherited', keys: [...held.keys()] })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Resolves when the process can be told what to do. Rejects when it has ended. */
  async ready(): Promise<void> {
    await this.#ready
  }

  async apply(
    update: RouteUpdate,
    listeners: ReadonlyMap<string, HeldListener>,
  ): Promise<ReadonlyMap<string, string>> {
    await this.#ready
    const applied = this.#answer('applied')
    const missing = [...listeners].filter(([key, held]) => this.#inherited.get(key) !== held)
    this.#inherited = new Map()
    this.#send({ type: 'apply', update, listeners: missing.length })
    for (const [key, held] of missing) this.#send({ type: 'listener', key }, held)
    const answer = await applied
    return new Map(answer.type === 'applied' ? answer.failures : [])
  }

  /** Resolves when the process takes nothing new; it ends with its connections, or after `drainMs`. */
  async drain(drainMs: number): Promise<void> {
    const draining = this.#answer('draining')
    this.#send({ type: 'drain', drainMs })
    await draining.catch(() => {})
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** The next message of that type. Rejects when the process ends first; kills it when it hangs. */
  #answer(type: FromWorker['type']): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.kill(), ANSWER_TIMEOUT_MS).unref()
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#child.off('message', onMessage).off('exit', onEnded).off('error', onEnded)
        act()
      }
      const onMessage = (message: unknown) => {
        const answer = message as FromWorker
        if (answer.type === type) settle(() => resolve(answer))
      }
      const onEnded = () => settle(() => reject(new Error('the proxy worker has ended')))
      this.#child.on('message', onMessage).once('exit', onEnded).once('error', onEnded)
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) onEnded()
    })
  }

  #send(message: ToWorker, held?: HeldListener): void {
    // When the process is gone the message is of no use, and its end shows elsewhere.
    this.#child.send(message, held as SendHandle | undefined, () => {})
  }
}
