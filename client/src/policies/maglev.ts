import type { Metadata } from '@grpc/grpc-js'
import { headerOf, type PickArgs, type PickResult } from '../grpc/adapter.ts'
import type { CallScratch } from '../grpc/service-config.ts'
import { hashText } from '../text-hash.ts'
import type { EndpointLoad } from './endpoint-load.ts'
import { MAGLEV_PLACES, type MaglevEntry, maglevTable } from './maglev-table.ts'
import type { MaglevConfig } from './policy-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { CountingSlot, type PolicyPicker, slotAt, untriedSlots } from './slot.ts'

/**
 * Consistent hashing by a Maglev table: calls with the same key meet at the same
 * endpoint, in every client that sees the same endpoints. The key is that of the config,
 * or of the hint, or of the header the config names; a call without one goes anywhere.
 * Slow start does not count here: a key moved twice would be worse.
 */
export class MaglevPicker implements PolicyPicker {
  /** In the order of the endpoints' ids, as the table wants them. */
  readonly slots: readonly CountingSlot[]
  readonly #config: MaglevConfig
  #table: Uint16Array | undefined

  constructor(ready: readonly ReadyEndpoint[], config: MaglevConfig) {
    this.slots = ready.map((endpoint) => new CountingSlot(endpoint)).sort(byId)
    this.#config = config
  }

  pick({ metadata, extraPickInfo }: PickArgs): PickResult {
    const scratch = extraPickInfo as unknown as CallScratch
    const key = this.#keyOf(metadata, scratch)
    const hash = key === undefined ? Math.floor(Math.random() * MAGLEV_PLACES) : hashText(key, 0)
    this.#table ??= tableFor(this.slots)
    const slot = slotAt(this.slots, this.#table[hash % MAGLEV_PLACES] ?? 0)
    if (!scratch.tried?.includes(slot.ready.key)) return slot.take(scratch)
    // Retries of one key share its next choice as well.
    const untried = untriedSlots(this.slots, scratch)
    return slotAt(untried, hash % untried.length).take(scratch)
  }

  #keyOf(metadata: Metadata, { hints }: CallScratch): string | undefined {
    const { hashKey = hints?.hashKey, hashHeader } = this.#config
    return hashKey ?? (hashHeader === undefined ? undefined : headerOf(metadata, hashHeader))
  }
}

const byId = (a: CountingSlot, b: CountingSlot): number => {
  const [one, other] = [a.ready.endpoint.id, b.ready.endpoint.id]
  return one < other ? -1 : Number(one > other)
}

interface BuiltTable {
  readonly entries: readonly MaglevEntry[]
  readonly table: Uint16Array
}

/**
 * Tables that were built, each with the load of its first endpoint, which outlives the
 * pickers and goes with its connection. Most pickers replace one with the same endpoints,
 * and a table for 1,000 of them costs some milliseconds.
 */
const builtTables = new WeakMap<EndpointLoad, BuiltTable>()

function tableFor(slots: readonly CountingSlot[]): Uint16Array {
  const entries = slots.map(({ ready: { endpoint } }) => ({
    id: endpoint.id,
    // Endpoints of weight 0 come here only when there are no others.
    weight: Math.max(1, endpoint.weight),
  }))
  const { load } = slotAt(slots, 0).ready
  const built = builtTables.get(load)
  if (built && isSame(built.entries, entries)) return built.table
  const table = maglevTable(entries)
  builtTables.set(load, { entries, table })
  return table
}

const isSame = (a: readonly MaglevEntry[], b: readonly MaglevEntry[]): boolean =>
  a.length === b.length && a.every(({ id, weight }, i) => b[i]?.id === id && b[i].weight === weight)
