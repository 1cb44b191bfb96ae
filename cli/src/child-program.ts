import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

export interface ChildProgramOptions {
  /** How long it may take to end after a signal to, in milliseconds. Then it is killed. */
  readonly graceMs: number
  /** Done before it is told to end. Must not fail. */
  readonly drain: () => Promise<void>
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
type PassedSignal = (typeof SIGNALS)[number]

/**
 * A program in the place of this process: it has its standard input and output, and
 * gets its signals. Those that end it come when `drain` is done, a second one at once.
 */
export class ChildProgram {
  readonly #options: ChildProgramOptions
  readonly #child: ChildProcess
  #isStopping = false
  #grace: NodeJS.Timeout | undefined

  constructor([command = '', ...args]: readonly string[], options: ChildProgramOptions) {
    this.#options = options
    // First, so that no signal falls between.
    for (const signal of SIGNALS) process.on(signal, this.#onSignal)
    this.#child = spawn(command, args, { stdio: 'inherit' })
    // Whoever waits for the start is told; that a signal could not be sent shows in the end.
    this.#child.on('error', () => {})
  }

  /** Resolves when it runs. Fails, as spawn does, when there is no such program. */
  async started(): Promise<void> {
    if (this.#child.pid === undefined) await once(this.#child, 'spawn')
  }

  /** Its exit code, or 128 + N when signal N ended it. */
  async ended(): Promise<number> {
    const { exitCode, signalCode } = this.#child
    const [code, signal]: [number | null, NodeJS.Signals | null] =
      exitCode === null && signalCode === null
        ? ((await once(this.#child, 'exit')) as [number | null, NodeJS.Signals | null])
        : [exitCode, signalCode]
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  }

  /** Gives the signals back. The program is expected to have ended. */
  close(): void {
    clearTimeout(this.#grace)
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
  }

  readonly #onSignal = (signal: PassedSignal): void => {
    if (signal === 'SIGHUP' || this.#isStopping) this.#child.kill(signal)
    else void this.#stop(signal)
  }

  async #stop(signal: PassedSignal): Promise<void> {
    this.#isStopping = true
    await this.#options.drain()
    // A terminal sends Ctrl-C to all who share it: to the program too.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) this.#child.kill(signal)
    this.#grace = setTimeout(() => this.#child.kill('SIGKILL'), this.#options.graceMs).unref()
  }
}
