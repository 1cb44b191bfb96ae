import type { Tally } from './tally.ts'

/** How often a terminal is redrawn. */
const REDRAW_MS = 200
/** How often a line is printed where there is no terminal. */
const PLAIN_MS = 1_000
/** Length of the bar of a pod that has exactly the even share. */
const EVEN_BAR = 24

/** What is to be seen at one moment. */
export interface Scene {
  readonly phase: string
  /** What is going on just now. */
  readonly step: string
  /** Pods the client may call. */
  readonly ready: readonly string[]
  readonly tally: Tally
}

/** Shows the spread while it happens: a table that stays in place, or plain lines. */
export class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #scene: () => Scene | undefined
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  #drawn = 0

  /** `scene` is asked whenever it is time to draw; undefined: nothing to draw yet. */
  constructor(out: NodeJS.WriteStream, scene: () => Scene | undefined) {
    this.#out = out
    this.#scene = scene
    this.#timer = setInterval(() => this.#draw(), out.isTTY ? REDRAW_MS : PLAIN_MS)
  }

  /** Prints something to stay, above the table. */
  say(text: string): void {
    this.#erase()
    this.#out.write(`${text}\n`)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#erase()
  }

  #draw(): void {
    const scene = this.#scene()
    if (scene === undefined) return
    this.#erase()
    if (!this.#out.isTTY) {
      const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5)
      this.#out.write(`${seconds} s  ${line(scene)}\n`)
      return
    }
    // A row that wraps would be two, and only one of them erased.
    const rows = table(scene).map((row) => row.slice(0, (this.#out.columns || 80) - 1))
    this.#out.write(`${rows.join('\n')}\n`)
    this.#drawn = rows.length
  }

  /** Takes the table off the terminal again. */
  #erase(): void {
    if (this.#drawn > 0) this.#out.write(`\x1b[${this.#drawn}A\x1b[0J`)
    this.#drawn = 0
  }
}

function line({ phase, step, ready, tally }: Scene): string {
  const spread = podsOf(ready, tally).map((pod) => `${pod} ${tally.perPod.get(pod) ?? 0}`)
  return `${phase}, ${step}: ${spread.join('  ')} | ${tally.calls} calls, ${tally.failed} failed`
}

function table({ phase, step, ready, tally }: Scene): readonly string[] {
  const even = tally.calls / Math.max(1, ready.length)
  const rows = podsOf(ready, tally).map((pod) => {
    const calls = tally.perPod.get(pod) ?? 0
    const bar = '█'.repeat(even === 0 ? 0 : Math.round((calls / even) * EVEN_BAR))
    const gone = ready.includes(pod) ? '' : '  (gone)'
    return `  ${pod.padEnd(12)}${String(calls).padStart(6)}  ${bar}${gone}`
  })
  return [
    '',
    `  ${phase}: ${step}`,
    ...rows,
    `  ${'calls'.padEnd(12)}${String(tally.calls).padStart(6)}  ${tally.failed} failed`,
  ]
}

function podsOf(ready: readonly string[], tally: Tally): readonly string[] {
  return [...new Set([...ready, ...tally.perPod.keys()])].sort((one, other) =>
    one.localeCompare(other, 'en', { numeric: true }),
  )
}
