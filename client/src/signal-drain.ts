/** What a drain that a signal began ends with. */
export type AfterSignal = 'exit' | 'raise'

interface Drainable {
  drain(): Promise<void>
}

interface SignalWishes {
  readonly signals: readonly NodeJS.Signals[]
  readonly afterSignal: AfterSignal
}

/**
 * Drains pods upon signals, one listener for all of them, and then ends the
 * process: with exit code 0 (a planned stop is no failure) or by the signal.
 * A second signal ends it at once. Where others listen to the signal too, the end
 * is theirs.
 */
export class SignalDrain {
  readonly #wishes = new Map<Drainable, SignalWishes>()
  readonly #listening = new Set<NodeJS.Signals>()
  #isDraining = false

  add(pod: Drainable, wishes: SignalWishes): void {
    this.#wishes.set(pod, wishes)
    for (const signal of wishes.signals) {
      if (this.#listening.has(signal)) continue
      this.#listening.add(signal)
      process.on(signal, this.#onSignal)
    }
  }

  /** A pod has left. Signals that no other wants have their usual effect again. */
  delete(pod: Drainable): void {
    this.#wishes.delete(pod)
    if (this.#isDraining) return
    const wanted = new Set([...this.#wishes.values()].flatMap(({ signals }) => signals))
    this.#ignoreAllBut(wanted)
  }

  #ignoreAllBut(wanted: ReadonlySet<NodeJS.Signals>): void {
    for (const signal of this.#listening) {
      if (wanted.has(signal)) continue
      this.#listening.delete(signal)
      process.off(signal, this.#onSignal)
    }
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isDraining) {
      this.#end(signal, 'raise')
      return
    }
    const leaving = [...this.#wishes].filter(([, { signals }]) => signals.includes(signal))
    const isRaised = leaving.some(([, { afterSignal }]) => afterSignal === 'raise')
    this.#isDraining = true
    // A drain that fails has still ended, and so has the process to.
    void Promise.allSettled(leaving.map(([pod]) => pod.drain())).then(() => {
      this.#end(signal, isRaised ? 'raise' : 'exit')
    })
  }

  #end(signal: NodeJS.Signals, how: AfterSignal): void {
    this.#ignoreAllBut(new Set())
    this.#isDraining = false
    if (process.listenerCount(signal) > 0) return
    if (how === 'raise') process.kill(process.pid, signal)
    else process.exit()
  }
}
