/** Clients remembered at most; the one unseen for longest is forgotten first. */
const MAX_CLIENTS = 65_536

interface Entry {
  readonly endpointId: string
  readonly seenMs: number
}

/** Which endpoint each client went to last: session affinity ClientIP. */
export class AffinityTable {
  /** The client unseen for longest comes first. */
  readonly #entries = new Map<string, Entry>()
  readonly #maxClients: number

  constructor(maxClients = MAX_CLIENTS) {
    this.#maxClients = maxClients
  }

  get size(): number {
    return this.#entries.size
  }

  /** The client's endpoint; undefined when it was last seen more than `timeoutMs` ago. */
  get(client: string, timeoutMs: number, nowMs: number): string | undefined {
    const entry = this.#entries.get(client)
    if (!entry) return undefined
    if (nowMs - entry.seenMs <= timeoutMs) return entry.endpointId
    this.#entries.delete(client)
    return undefined
  }

  set(client: string, endpointId: string, nowMs: number): void {
    this.#entries.delete(client)
    this.#entries.set(client, { endpointId, seenMs: nowMs })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxClients) return
      this.#entries.delete(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
  }
}
