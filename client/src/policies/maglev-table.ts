import { hashText } from '../text-hash.ts'

/** Places in the table. A prime, so that every stride visits all of them. */
export const MAGLEV_PLACES = 65_537

const START_SEED = 0
const STRIDE_SEED = 1
/** Marks a place nobody has taken: no index, because the table holds 16-bit numbers. */
const FREE = 0xffff

/** An endpoint as the table sees it. */
export interface MaglevEntry {
  /** Stable name: an endpoint that comes back under it gets its keys back. */
  readonly id: string
  /** Above 0. */
  readonly weight: number
}

/**
 * The lookup table of Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): who has
 * which place, as an index into the entries. Each entry has an order of preference over
 * all places, and in turn takes the first that is free; a heavy entry more often (as in
 * Envoy). When one entry goes, nearly all places of the others stay theirs.
 *
 * The order of the entries decides ties, so give them in the order of their ids. At most
 * 65,535 entries.
 */
export function maglevTable(entries: readonly MaglevEntry[]): Uint16Array {
  const table = new Uint16Array(MAGLEV_PLACES).fill(FREE)
  const next = Uint32Array.from(entries, ({ id }) => hashText(id, START_SEED) % MAGLEV_PLACES)
  const strides = Uint32Array.from(
    entries,
    ({ id }) => 1 + (hashText(id, STRIDE_SEED) % (MAGLEV_PLACES - 1)),
  )
  const weights = Float64Array.from(entries, ({ weight }) => weight)
  const highest = weights.reduce((a, b) => Math.max(a, b), 0)
  const credits = new Float64Array(entries.length)
  for (let taken = 0; taken < MAGLEV_PLACES; ) {
    for (let entry = 0; entry < entries.length && taken < MAGLEV_PLACES; entry++) {
      const credit = (credits[entry] ?? 0) + (weights[entry] ?? 0)
      if (credit < highest) {
        credits[entry] = credit
        continue
      }
      credits[entry] = credit - highest
      const stride = strides[entry] ?? 1
      let place = next[entry] ?? 0
      while (table[place] !== FREE) place = step(place, stride)
      table[place] = entry
      next[entry] = step(place, stride)
      taken += 1
    }
  }
  return table
}

const step = (place: number, stride: number): number => {
  const further = place + stride
  return further < MAGLEV_PLACES ? further : further - MAGLEV_PLACES
}
