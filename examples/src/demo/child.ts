import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** How many of its newest log lines a child is remembered by. */
const KEPT_LINES = 15

/** How a process ended. */
export interface Exit {
  /** Exit code; undefined when a signal ended it. */
  readonly code: number | undefined
  /** In words, e.g. `exit code 1` or `signal SIGKILL`. */
  readonly how: string
}

/** A Node program to start. */
export interface Program {
  /** Name it goes by in messages. */
  readonly name: string
  /** File of the program. */
  readonly file: string
  readonly args?: readonly string[]
  /** Added to this process' own environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** A running Node program: what it logs, how it ends and how to end it. */
export class Child {
  readonly name: string
  /** Resolves when the process is gone, however it went; never rejects. */
  readonly exited: Promise<Exit>
  readonly #process: ChildProcess
  readonly #lines: string[] = []
  readonly #readers = new Set<(line: string) => void>()
  #stopping = false
  #ended = false

  constructor(program: Program) {
    this.name = program.name
    this.#process = spawn(process.execPath, [program.file, ...(program.args ?? [])], {
      env: { ...ownEnvironment(), ...program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: Ctrl-C reaches the demo alone, which then
      // ends its children in order.
      detached: true,
    })
    this.#read(this.#process.stdout)
    this.#read(this.#process.stderr)
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.#ended = true
        resolve(exit)
      }
      this.#process.once('error', (error) => end({ code: undefined, how: error.message }))
      // 'close' and not 'exit': the last log lines have been read by then.
      this.#process.once('close', (code, signal) =>
        end(
          code === null
            ? { code: undefined, how: `signal ${signal}` }
            : { code, how: `exit code ${code}` },
        ),
      )
    })
  }

  /** Whether stop() or kill() was called: what ends then was meant to. */
  get stopping(): boolean {
    return this.#stopping
  }

  /** Its newest log lines, indented, under a heading that names it. */
  get log(): string {
    const lines = this.#lines.length > 0 ? this.#lines : ['(nothing)']
    return [`last log lines of ${this.name}:`, ...lines.map((line) => `  ${line}`)].join('\n')
  }

  /** The match of the first line logged from now on that has one. Rejects when `signal` aborts. */
  line(pattern: RegExp, signal: AbortSignal): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.#readers.delete(reader)
        signal.removeEventListener('abort', abort)
      }
      const reader = (line: string) => {
        const match = pattern.exec(line)
        if (match === null) return
        done()
        resolve(match)
      }
      const abort = () => {
        done()
        reject(signal.reason)
      }
      this.#readers.add(reader)
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
    })
  }

  /** Asks the process to end (SIGTERM) and after `graceMs` makes it (SIGKILL). */
  async stop(graceMs: number): Promise<Exit> {
    // Once only: to many programs a second signal means to drop everything.
    if (!this.#stopping) this.#signal('SIGTERM')
    this.#stopping = true
    // A frozen process would not hear of it.
    this.thaw()
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  /** Ends the process as a crash does (SIGKILL). */
  kill(): Promise<Exit> {
    this.#stopping = true
    this.#signal('SIGKILL')
    return this.exited
  }

  /** Has the process stand still (SIGSTOP): its connections stay open and say nothing. */
  freeze(): void {
    this.#signal('SIGSTOP')
  }

  /** Lets a frozen process go on (SIGCONT). */
  thaw(): void {
    this.#signal('SIGCONT')
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#process.kill(signal)
  }

  #read(stream: Readable | null): void {
    if (stream === null) return
    createInterface({ input: stream }).on('line', (line) => {
      this.#lines.push(line)
      if (this.#lines.length > KEPT_LINES) this.#lines.shift()
      for (const reader of this.#readers) reader(line)
    })
  }
}

/** This process' environment without settings of Roster: the demo brings its own. */
const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ROSTER_')))
