import { RegistryError } from '../../model/errors.ts'
import type { Batch, Cause, Change, Revision } from '../store.ts'
import type { Statements } from './statements.ts'

/** What is left of the changes: ids from `trimmedChange` + 1 to `change`, without gaps. */
export interface Extent {
  readonly change: number
  readonly trimmedChange: number
  /** Revision of the last trimmed change: the rest of its commit may still be there. */
  readonly trimmedRevision: Revision
}

/**
 * The first commits after a revision, each whole, `limit` changes of them or
 * some more; none only when there are none. Fails with COMPACTED when part of
 * what came after the revision is gone.
 */
export function readHistory(
  sql: Statements,
  extent: Extent,
  after: Revision,
  limit: number,
): readonly Batch[] {
  if (after < extent.trimmedRevision) {
    throw new RegistryError(
      'COMPACTED',
      `history after revision ${after} begins at ${extent.trimmedRevision}: list again and watch from there`,
    )
  }
  const first = bisect(
    extent.trimmedChange + 1,
    extent.change + 1,
    (id) => revisionOf(sql, id) > after,
  )
  const last = revisionOf(sql, Math.min(first + limit - 1, extent.change))
  const end = bisect(first, extent.change + 1, (id) => revisionOf(sql, id) > last)
  const batches: OpenBatch[] = []
  for (const row of sql.changes.iterate(first, end)) {
    const change = { key: row.key, value: row.value }
    const batch = batches.at(-1)
    if (batch?.revision === row.revision) batch.changes.push(change)
    else {
      const { revision, timeMs, actor, reason } = row
      batches.push({ revision, timeMs, cause: { actor, reason }, changes: [change] })
    }
  }
  return batches
}

interface OpenBatch extends Batch {
  readonly cause: Cause
  readonly changes: Change[]
}

const revisionOf = (sql: Statements, change: number): Revision => sql.revisionOf.get(change) ?? 0

/** The first of `from` up to but without `to` that passes the test, which then all do; `to` if none. */
function bisect(from: number, to: number, passes: (candidate: number) => boolean): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (passes(middle)) high = middle
    else low = middle + 1
  }
  return low
}
