import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import type { ServiceName } from './endpoint-set.ts'
import type { EventListener } from './events.ts'
import type { KnownSet } from './subscription.ts'

/** Changes gather for so long before they are written, in milliseconds, … */
const GATHER_MS = 1_000
/** … and from one write to the next passes at least so much. */
const BETWEEN_WRITES_MS = 5_000
/** So long a set may be confirmed without the file being told, in milliseconds. */
const CONFIRMED_MS = 60_000
/** Sets the registry has not confirmed for so long are forgotten, in milliseconds: a week. */
const FORGET_AFTER_MS = 7 * 24 * 3_600_000

const FORMAT = 'roster-snapshot/1'

/** A set as the file has it: with the time of the day, because clocks of processes differ. */
interface SavedSet extends Omit<KnownSet, 'confirmedAtMs'> {
  readonly confirmedAt: string
}

/** Contents of the file. */
interface Snapshot {
  readonly registry: string
  readonly sets: readonly SavedSet[]
}

export interface SnapshotCacheOptions {
  readonly file: string
  /** Address of the registry the sets come from. */
  readonly registry: string
  readonly onEvent: EventListener
}

/**
 * The sets of a process in a file, for its next life: it can call services while
 * the registry is away. One process writes to a file; of several the last one wins.
 */
export class SnapshotCache {
  readonly #options: SnapshotCacheOptions
  readonly #known: Map<string, KnownSet>
  #isDirty = false
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY
  #writtenAtMs = Number.NEGATIVE_INFINITY
  #writing: Promise<void> = Promise.resolve()

  /** Reads the file. One that is corrupt or another registry's is reported, and not used. */
  constructor(options: SnapshotCacheOptions) {
    this.#options = options
    this.#known = this.#load()
  }

  get(name: ServiceName): KnownSet | undefined {
    return this.#known.get(keyOf(name))
  }

  /** Takes over what is known of a service. The file follows. */
  put(known: KnownSet): void {
    const key = keyOf(known.set)
    const before = this.#known.get(key)
    this.#known.set(key, known)
    this.#isDirty = true
    const isSame = before?.set === known.set && before.resume?.storeId === known.resume?.storeId
    this.#writeWithin(isSame ? CONFIRMED_MS : GATHER_MS)
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#isDirty) this.#write()
    await this.#writing
  }

  #writeWithin(delayMs: number): void {
    const now = performance.now()
    const dueAtMs = Math.max(now + delayMs, this.#writtenAtMs + BETWEEN_WRITES_MS)
    if (dueAtMs >= this.#dueAtMs) return
    this.#dueAtMs = dueAtMs
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#write(), dueAtMs - now).unref()
  }

  #write(): void {
    this.#isDirty = false
    this.#dueAtMs = Number.POSITIVE_INFINITY
    this.#writtenAtMs = performance.now()
    const text = print({ registry: this.#options.registry, sets: [...this.#known.values()] })
    this.#writing = this.#writing.then(() => this.#replaceFile(text))
  }

  /** Through a second file, so that the first is whole at every moment. */
  async #replaceFile(text: string): Promise<void> {
    const { file } = this.#options
    const next = `${file}.${randomUUID()}.tmp`
    try {
      await writeFile(next, text, { mode: 0o600, flush: true })
      await rename(next, file)
    } catch (error) {
      this.#complain(`it cannot be written: ${messageOf(error)}`)
      await rm(next, { force: true }).catch(() => {})
    }
  }

  #load(): Map<string, KnownSet> {
    const { file, registry } = this.#options
    try {
      const snapshot = parse(readFileSync(file, 'utf8'))
      if (snapshot.registry !== registry) {
        throw new Error(`it is of registry ${snapshot.registry}, not of ${registry}`)
      }
      const oldest = performance.now() - FORGET_AFTER_MS
      const recent = snapshot.sets.filter(({ confirmedAtMs }) => confirmedAtMs > oldest)
      return new Map(recent.map((known) => [keyOf(known.set), known]))
    } catch (error) {
      const isFirstLife = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (!isFirstLife) this.#complain(`it is not used: ${messageOf(error)}`)
      return new Map()
    }
  }

  #complain(reason: string): void {
    this.#options.onEvent({ type: 'snapshot_failed', file: this.#options.file, reason })
  }
}

/** The digest makes every damage show, so that what is read back can be trusted as it is. */
function print({
  registry,
  sets,
}: {
  readonly registry: string
  readonly sets: readonly KnownSet[]
}) {
  const saved = sets.map(({ confirmedAtMs, ...known }) => ({
    ...known,
    confirmedAt: new Date(Date.now() - (performance.now() - confirmedAtMs)).toISOString(),
  }))
  const snapshot: Snapshot = { registry, sets: saved }
  return JSON.stringify({ format: FORMAT, digest: digestOf(snapshot), snapshot })
}

function parse(text: string): { readonly registry: string; readonly sets: readonly KnownSet[] } {
  const { format, digest, snapshot } = JSON.parse(text) as {
    readonly format?: unknown
    readonly digest?: unknown
    readonly snapshot: Snapshot
  }
  if (format !== FORMAT) throw new Error(`it is no snapshot of the format ${FORMAT}`)
  if (digest !== digestOf(snapshot)) throw new Error('it is damaged: its digest does not hold')
  const sets = snapshot.sets.map(({ confirmedAt, ...known }) => ({
    ...known,
    confirmedAtMs: performance.now() - Math.max(0, Date.now() - Date.parse(confirmedAt)),
  }))
  return { registry: snapshot.registry, sets }
}

const digestOf = (snapshot: Snapshot): string =>
  createHash('sha256').update(JSON.stringify(snapshot)).digest('hex')

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

const keyOf = ({ namespace, service }: ServiceName): string => `${namespace}/${service}`
