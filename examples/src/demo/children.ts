import { Child, type Program } from './child.ts'

/** Runs one wait with a deadline; past it, rejects with what `problem` then says. */
export async function within<T>(
  deadlineMs: number,
  problem: () => string,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Error(problem())), deadlineMs)
  try {
    return await wait(AbortSignal.any([signal, deadline.signal]))
  } finally {
    clearTimeout(timer)
  }
}

/** Every process the demo has started. */
export class Children {
  readonly #running = new Set<Child>()
  readonly #failure = new AbortController()

  /** Aborts, with the child's last log lines, when a child ends that nobody asked to. */
  get failure(): AbortSignal {
    return this.#failure.signal
  }

  start(program: Program): Child {
    const child = new Child(program)
    this.#running.add(child)
    void child.exited.then(({ how }) => {
      this.#running.delete(child)
      if (child.stopping) return
      this.#failure.abort(new Error(`${child.name} ended by itself with ${how}\n${child.log}`))
    })
    return child
  }

  /** Ends all that still run, at once; resolves when they are gone. */
  async stopAll(graceMs: number): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.stop(graceMs)))
  }
}
