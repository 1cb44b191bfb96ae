import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { ProxyWorld, read } from './proxy-world.ts'

/** Whether the real HAProxy is installed. */
export const hasHaproxy = (() => {
  try {
    execFileSync('haproxy', ['-v'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** A directory for an HAProxy, which ends with the test. */
export class HaproxyWorld extends ProxyWorld {
  readonly directory: string
  readonly config: string

  private constructor(directory: string) {
    super()
    this.directory = directory
    this.config = join(directory, 'lb.cfg')
    this.later(() => rm(directory, { recursive: true, force: true }))
    this.later(() => this.killHaproxy())
  }

  static async make(): Promise<HaproxyWorld> {
    return new HaproxyWorld(await mkdtemp(join(tmpdir(), 'roster-lb-')))
  }

  /** Process id of the master; undefined when none was started. */
  async masterPid(): Promise<number | undefined> {
    const text = await readFile(`${this.config}.pid`, 'utf8').catch(() => '')
    return text === '' ? undefined : Number(text)
  }

  /** Kills the master; its workers end with it. */
  async killHaproxy(): Promise<void> {
    const pid = await this.masterPid()
    if (pid === undefined) return
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
    await eventually(() => {
      try {
        return !process.kill(pid, 0)
      } catch {
        return true
      }
    })
  }
}

/** Callers that connect again and again, each a connection at a time. */
export class Load {
  readonly answers = new Map<string, number>()
  readonly #callers: Promise<void>[]
  #isOver = false

  constructor(port: number, address: string, callers = 4) {
    this.#callers = Array.from({ length: callers }, () => this.#call(port, address))
  }

  get calls(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Resolves when so many more calls are over. */
  async more(calls: number): Promise<void> {
    const goal = this.calls + calls
    await eventually(() => this.calls >= goal)
  }

  /** Stops calling: what came back, but for names in the list. */
  async errors(names: readonly string[]): Promise<readonly (readonly [string, number])[]> {
    this.#isOver = true
    await Promise.all(this.#callers)
    return [...this.answers].filter(([answer]) => !names.includes(answer))
  }

  async #call(port: number, address: string): Promise<void> {
    while (!this.#isOver) {
      const answer = await read(port, address)
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
    }
  }
}
