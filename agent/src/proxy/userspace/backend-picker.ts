import { createHash } from 'node:crypto'
import type { Backend } from '../model/frontend.ts'
import { AffinityTable } from './affinity-table.ts'

const MAX_UINT32 = 2 ** 32

/** Picks the backend of each new connection: by weight, or by client where that is asked for. */
export class BackendPicker {
  readonly #affinity = new AffinityTable()
  readonly #now: () => number
  /** How far each endpoint is behind its share (smooth weighted round robin, as in nginx). */
  #credits = new Map<string, number>()
  #backends: readonly Backend[] = []
  #affinityTimeoutMs: number | undefined

  /** `now`: a monotonic clock, in milliseconds. */
  constructor(now = () => performance.now()) {
    this.#now = now
  }

  get backends(): readonly Backend[] {
    return this.#backends
  }

  /** Endpoints that stay keep their turn, and clients that have one of them keep it. */
  update(backends: readonly Backend[], affinityTimeoutMs: number | undefined): void {
    this.#credits = new Map(
      backends.map(({ endpointId }) => [endpointId, this.#credits.get(endpointId) ?? 0]),
    )
    this.#backends = backends
    this.#affinityTimeoutMs = affinityTimeoutMs
    if (affinityTimeoutMs === undefined) this.#affinity.clear()
  }

  /** A backend for a client's new connection that is none of those tried already. */
  pick(client: string, tried: ReadonlySet<string>): Backend | undefined {
    const rest =
      tried.size === 0
        ? this.#backends
        : this.#backends.filter(({ endpointId }) => !tried.has(endpointId))
    const timeoutMs = this.#affinityTimeoutMs
    if (timeoutMs === undefined) return rest.length > 1 ? this.#next(rest) : rest[0]
    const now = this.#now()
    const usual = this.#affinity.get(client, timeoutMs, now)
    const backend = rest.find(({ endpointId }) => endpointId === usual) ?? preferredBy(client, rest)
    if (backend) this.#affinity.set(client, backend.endpointId, now)
    return backend
  }

  #next(backends: readonly Backend[]): Backend | undefined {
    let total = 0
    let best: Backend | undefined
    let most = Number.NEGATIVE_INFINITY
    for (const backend of backends) {
      const credit = (this.#credits.get(backend.endpointId) ?? 0) + backend.weight
      this.#credits.set(backend.endpointId, credit)
      total += backend.weight
      if (credit > most) {
        most = credit
        best = backend
      }
    }
    if (best) this.#credits.set(best.endpointId, most - total)
    return best
  }
}

/**
 * The backend a client not seen before is given: always the same of the same backends
 * (weighted rendezvous hashing), so that affinity outlives the process that remembers it.
 */
function preferredBy(client: string, backends: readonly Backend[]): Backend | undefined {
  let best: Backend | undefined
  let highest = Number.NEGATIVE_INFINITY
  for (const backend of backends) {
    const digest = createHash('sha256').update(`${client} ${backend.endpointId}`).digest()
    const uniform = (digest.readUInt32BE() + 0.5) / MAX_UINT32
    const score = -backend.weight / Math.log(uniform)
    if (score > highest) {
      highest = score
      best = backend
    }
  }
  return best
}
