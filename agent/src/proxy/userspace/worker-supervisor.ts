import type { Logger } from 'pino'
import type { HeldListener } from './held-listener.ts'
import { WorkerEngine } from './worker-engine.ts'

/** How long a replaced worker's connections may go on, in milliseconds. */
const REPLACED_DRAIN_MS = 3_600_000
/** A worker that lived shorter may not have been able to live at all, in milliseconds. */
const SHORT_LIFE_MS = 1_000
/** Pause before the third of workers with short lives; it doubles from one to the next. */
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** What a worker may take to end beyond its drain, in milliseconds. */
const EXIT_GRACE_MS = 2_000

export interface WorkerSupervisorOptions {
  /** What a new worker is started with. */
  readonly held: () => ReadonlyMap<string, HeldListener>
  /** Gives the worker everything; undefined: there is none for now. */
  readonly use: (worker: WorkerEngine | undefined) => Promise<void>
  readonly log: Logger
}

/** Keeps one worker running: starts another when it dies, and replaces it when asked to. */
export class WorkerSupervisor {
  readonly #held: WorkerSupervisorOptions['held']
  readonly #use: WorkerSupervisorOptions['use']
  readonly #log: Logger
  /** The worker, and those that only carry on what is open. */
  readonly #running = new Set<WorkerEngine>()
  #worker: WorkerEngine
  #isClosed = false
  #shortLives = 0
  #respawn: NodeJS.Timeout | undefined

  constructor({ held, use, log }: WorkerSupervisorOptions) {
    this.#held = held
    this.#use = use
    this.#log = log
    this.#worker = this.#start()
    void use(this.#worker)
  }

  /** Process id of the worker. */
  get pid(): number | undefined {
    return this.#worker.pid
  }

  /**
   * Puts a new worker in the old one's place: no connection is refused or broken. The
   * old one ends with its last connection. Datagrams of a few milliseconds may be lost.
   */
  async replace(): Promise<void> {
    const old = this.#worker
    const successor = this.#start()
    await successor.ready()
    if (this.#isClosed || old !== this.#worker) {
      successor.kill()
      return
    }
    this.#worker = successor
    void this.#use(undefined)
    await old.drain(REPLACED_DRAIN_MS)
    if (this.#worker === successor) await this.#use(successor)
  }

  /** Ends all workers when their connections have ended, after `drainMs` at the latest. */
  async close(drainMs: number): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#respawn)
    const ends = [...this.#running].map(async (worker) => {
      const timer = setTimeout(() => worker.kill(), drainMs + EXIT_GRACE_MS)
      await worker.drain(drainMs)
      await worker.ended
      clearTimeout(timer)
    })
    await Promise.all(ends)
  }

  #start(): WorkerEngine {
    const worker = new WorkerEngine(this.#held())
    const startMs = performance.now()
    this.#running.add(worker)
    void worker.ended.then(() => {
      this.#running.delete(worker)
      this.#onEnded(worker, performance.now() - startMs)
    })
    return worker
  }

  #onEnded(worker: WorkerEngine, lifeMs: number): void {
    if (this.#isClosed || worker !== this.#worker) return
    this.#shortLives = lifeMs < SHORT_LIFE_MS ? this.#shortLives + 1 : 0
    const pauseMs =
      this.#shortLives < 2
        ? 0
        : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#shortLives - 2))
    this.#log.warn(
      { pid: worker.pid, pauseMs },
      'the proxy worker ended: its connections are broken, new ones wait for its successor',
    )
    void this.#use(undefined)
    const respawn = () => {
      this.#worker = this.#start()
      void this.#use(this.#worker)
    }
    if (pauseMs === 0) respawn()
    else this.#respawn = setTimeout(respawn, pauseMs).unref()
  }
}
