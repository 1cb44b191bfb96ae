import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import type { EndpointSet } from '@roster/client'
import type { Logger } from 'pino'
import type { Place, State } from './replica.ts'

const FORMAT = 1
const DELAY_MS = 1_000
/** Writing takes a twentieth of the time at most, however much there is to write. */
const COST_FACTOR = 20

/**
 * What the agent knows, on disk, so that its next life can begin without the
 * registry. Replaced as a whole (written aside, synced, renamed), a second or more
 * after a change: what is missing the registry tells at the next connection.
 */
export class SnapshotFile {
  readonly #path: string
  readonly #log: Logger
  #unsaved: (() => State) | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #delayMs = DELAY_MS

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  /** The state of a former life; undefined, with a warning, when the file is of no use. */
  read(): State | undefined {
    try {
      return stateFrom(readFileSync(this.#path, 'utf8'))
    } catch (err) {
      if (isMissing(err)) return undefined
      this.#log.warn({ err, file: this.#path }, 'the snapshot cannot be read: starting without it')
      return undefined
    }
  }

  /** Writes the state soon; `state` is asked for it then. */
  save(state: () => State): void {
    this.#unsaved = state
    this.#timer ??= setTimeout(() => this.#write(), this.#delayMs).unref()
  }

  /** Writes what is unsaved, and resolves when it is on disk. */
  async close(): Promise<void> {
    this.#write()
    await this.#writing
  }

  #write(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const state = this.#unsaved
    this.#unsaved = undefined
    if (state) this.#writing = this.#writing.then(() => this.#replace(state()))
  }

  async #replace(state: State): Promise<void> {
    const startMs = performance.now()
    const aside = `${this.#path}.tmp`
    try {
      const file = await open(aside, 'w', 0o600)
      try {
        await file.writeFile(textOf(state))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(aside, this.#path)
    } catch (err) {
      this.#log.warn({ err, file: this.#path }, 'the snapshot cannot be written')
    }
    this.#delayMs = Math.max(DELAY_MS, COST_FACTOR * (performance.now() - startMs))
  }
}

interface Stored {
  readonly format: number
  readonly place: Place | null
  readonly sets: readonly EndpointSet[]
}

function textOf({ sets, place }: State): string {
  const stored: Stored = { format: FORMAT, place: place ?? null, sets: [...sets.values()] }
  return JSON.stringify(stored)
}

function stateFrom(text: string): State {
  const { format, place, sets }: Partial<Stored> = JSON.parse(text)
  if (format !== FORMAT) throw new Error(`format ${format} is not ${FORMAT}`)
  if (!Array.isArray(sets) || !sets.every(isSet)) throw new Error('it holds no endpoint sets')
  return {
    sets: new Map(sets.map((set) => [`${set.namespace}/${set.service}`, set])),
    ...(isPlace(place) && { place }),
  }
}

const isPlace = (value: unknown): value is Place => {
  const { storeId, revision } = (value ?? {}) as Partial<Place>
  return typeof storeId === 'string' && typeof revision === 'number'
}

const isSet = (value: unknown): value is EndpointSet => {
  const { namespace, service, endpoints, definition } = (value ?? {}) as Partial<EndpointSet>
  const isNamed = typeof namespace === 'string' && typeof service === 'string'
  return isNamed && Array.isArray(endpoints) && typeof definition?.spec === 'object'
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
