import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAGLEV_PLACES, type MaglevEntry, maglevTable } from './maglev-table.ts'

const equalEntries = (count: number): MaglevEntry[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `pod-${String(i).padStart(4, '0')}/u`,
    weight: 1,
  }))

/** Share of all places that each entry has. */
function sharesOf(entries: readonly MaglevEntry[]): number[] {
  const shares = entries.map(() => 0)
  for (const entry of maglevTable(entries)) shares[entry]! += 1 / MAGLEV_PLACES
  return shares
}

/** Share of the places that belong to another entry after a change, of those whose entry stayed. */
function movedShare(before: readonly MaglevEntry[], after: readonly MaglevEntry[]): number {
  const ids = new Set(after.map(({ id }) => id))
  const tableBefore = maglevTable(before)
  const tableAfter = maglevTable(after)
  let stayed = 0
  let moved = 0
  tableBefore.forEach((entry, place) => {
    const id = before[entry]!.id
    if (!ids.has(id)) return
    stayed += 1
    if (after[tableAfter[place]!]!.id !== id) moved += 1
  })
  return moved / stayed
}

describe('a maglev table', () => {
  it('gives each entry its share by weight', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(weights, (weights) => {
        const entries = weights.map((weight, i) => ({ id: `e${i}`, weight }))
        const sum = weights.reduce((a, b) => a + b, 0)
        const errors = sharesOf(entries).map((share, i) => Math.abs(share - weights[i]! / sum))
        // A turn too many or too few at the end, and what the others miss or have by that.
        expect(Math.max(...errors)).toBeLessThan(3 / MAGLEV_PLACES)
      }),
      { numRuns: 40 },
    )
  })

  it.each([3, 10, 50])('moves few places of the others when one of %i goes', (count) => {
    const entries = equalEntries(count)
    const moved = [0, Math.floor(count / 2), count - 1].map((gone) =>
      movedShare(entries, entries.toSpliced(gone, 1)),
    )
    expect(Math.max(...moved)).toBeLessThan(0.015)
  })

  it.each([3, 10, 50])('moves little more to a newcomer than its share of %i', (count) => {
    const entries = equalEntries(count)
    const moved = movedShare(entries.slice(0, -1), entries)
    expect(moved).toBeLessThan(1 / count + 0.015)
  })

  it('is the same wherever it is built', () => {
    // Clients of different versions must agree.
    const table = maglevTable(['a', 'b', 'c'].map((id) => ({ id, weight: 1 })))
    expect(table.slice(0, 12).join('')).toBe('221111111102')
  })
})
