import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { H2Connection } from './h2-connection.ts'

const STOP_TIMEOUT_MS = 5_000
const START_TIMEOUT_MS = 20_000
const KEPT_OUTPUT_CHARS = 4_000

const running = new Set<ChildProcess>()
const directories = new Set<string>()

/** Kills every server still running and removes every temporary directory, at once. */
export function removeLeftovers(): void {
  for (const child of running) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}

/** A directory of its own for one server's files, removed at the end of the run. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'roster-bench-'))
  directories.add(directory)
  return directory
}

/** A server under test: a process of its own, with what the kernel counts of it. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #command: string
  #output = ''

  /** Starts the command. Errors show when it is waited for. */
  constructor(command: string, args: readonly string[]) {
    this.#command = command
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(this.#child)
    this.#child.once('error', (error) => this.#keep(`${error.message}\n`))
    this.#child.once('close', () => running.delete(this.#child))
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#keep(text))
    }
  }

  /** CPU time of all its threads so far, in microseconds (proc_pid_schedstat(5): on-CPU ns). */
  get cpuMicros(): number {
    const tasks = `/proc/${this.#child.pid}/task`
    return readdirSync(tasks)
      .map((task) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]))
      .reduce((sum, nanos) => sum + nanos / 1_000, 0)
  }

  /** Resident memory now, in bytes. */
  get rssBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  }

  /** Waits until the server has printed a match of the pattern, and returns its first group. */
  async printed(pattern: RegExp): Promise<string> {
    return this.#poll(`print ${pattern}`, () => Promise.resolve(pattern.exec(this.#output)?.[1]))
  }

  /** Connects to the server as soon as it listens. */
  async connect(address: string): Promise<H2Connection> {
    return this.#poll(`listen at ${address}`, () =>
      H2Connection.open(address).catch(() => undefined),
    )
  }

  /** Kills the process at once (SIGKILL). */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Asks the process to stop and waits until it has; kills it after 5 s. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT_CHARS)
  }

  async #poll<T>(what: string, attempt: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + START_TIMEOUT_MS
    for (;;) {
      const result = await attempt()
      if (result !== undefined) return result
      const ended = this.#child.pid === undefined || this.#child.exitCode !== null
      if (ended || performance.now() > deadline) {
        throw new Error(`${this.#command} did not ${what}; its last output:\n${this.#output}`)
      }
      await delay(2)
    }
  }
}
