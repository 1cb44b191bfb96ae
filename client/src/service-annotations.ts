import { type CheckedPreferences, checks } from './call-settings.ts'

/** What services say of how they want to be called, and how each is written. */
const ANNOTATIONS: Readonly<
  Record<keyof CheckedPreferences, readonly [name: string, read: (text: string) => unknown]>
> = {
  policy: ['roster.dev/load-balancing', (text) => (isJson(text) ? JSON.parse(text) : text)],
  retry: ['roster.dev/retry', readSwitch],
  hedging: ['roster.dev/hedging', readSwitch],
  notIdempotentMethods: [
    'roster.dev/not-idempotent-methods',
    (text) => text.split(',').flatMap((name) => name.trim() || []),
  ],
  ejection: ['roster.dev/ejection', readSwitch],
  slowStartMs: ['roster.dev/slow-start-ms', (text) => JSON.parse(text)],
  subsetSize: ['roster.dev/subset-size', (text) => JSON.parse(text)],
}

const isJson = (text: string): boolean => text.trimStart().startsWith('{')

function readSwitch(text: string): unknown {
  return text === 'off' ? false : JSON.parse(text)
}

type Complaint = (annotation: string, reason: string) => void

/**
 * Reads the annotations of one service, again and again. One that is wrong is
 * complained of once, and what it said last stays: the registry refuses wrong
 * ones, so that it was written for a newer SDK than this.
 */
export class AnnotationReader {
  readonly #complain: Complaint
  readonly #lastGood = new Map<string, unknown>()
  readonly #refused = new Map<string, string>()

  constructor(complain: Complaint) {
    this.#complain = complain
  }

  read(annotations: Readonly<Record<string, string>>): CheckedPreferences {
    const read = Object.entries(ANNOTATIONS).flatMap(([key, [name, parse]]) => {
      const text = annotations[name]
      if (text === undefined) this.#lastGood.delete(name)
      else this.#take(name, text, () => checks[key as keyof CheckedPreferences](parse(text)))
      return this.#lastGood.has(name) ? [[key, this.#lastGood.get(name)]] : []
    })
    return Object.fromEntries(read)
  }

  #take(name: string, text: string, parse: () => unknown): void {
    try {
      this.#lastGood.set(name, parse())
    } catch (error) {
      if (this.#refused.get(name) === text) return
      this.#refused.set(name, text)
      this.#complain(name, error instanceof Error ? error.message : String(error))
    }
  }
}
