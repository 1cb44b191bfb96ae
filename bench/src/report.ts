/** One line of a benchmark's table. */
export interface Row {
  readonly what: string
  readonly unit: string
  readonly roster: number
  /** Absent where there is nothing to compare with. */
  readonly etcd?: number
  /** Of grpc-js, where that is the other side. */
  readonly grpcJs?: number
  /** Of HAProxy, where that is the other side. */
  readonly haproxy?: number
  /** Bound the ratio has to keep, or roster's own figure when it says `of: 'roster'`. */
  readonly goal?: Goal
}

export interface Goal {
  readonly of: 'ratio' | 'roster'
  readonly atMost?: number
  readonly atLeast?: number
}

/** What a benchmark found: for people, and for programs. */
export interface Report {
  readonly rows: readonly Row[]
  readonly json: Readonly<Record<string, unknown>>
}

/** Prints the rows as a table, goals and whether they are met included. */
export function formatTable(rows: readonly Row[]): string {
  const isPeer = (key: 'grpcJs' | 'haproxy') => rows.some((row) => row[key] !== undefined)
  const peer = isPeer('haproxy') ? 'haproxy' : isPeer('grpcJs') ? 'grpc-js' : 'etcd'
  const lines = [
    ['', 'roster', peer, `roster/${peer}`, 'goal', ''],
    ...rows.map((row) => [
      `${row.what}, ${row.unit}`,
      rounded(row.roster),
      ...formatPeer(row),
      ...formatGoal(row),
    ]),
  ]
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(width(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const peerOf = ({ etcd, grpcJs, haproxy }: Row): number | undefined => etcd ?? grpcJs ?? haproxy

function formatPeer(row: Row): readonly [string, string] {
  const peer = peerOf(row)
  return peer === undefined ? ['', ''] : [rounded(peer), rounded(row.roster / peer)]
}

function formatGoal(row: Row): readonly [string, string] {
  const { goal, roster } = row
  if (goal === undefined) return ['', '']
  const value = goal.of === 'ratio' ? roster / (peerOf(row) ?? Number.NaN) : roster
  const met = value <= (goal.atMost ?? Infinity) && value >= (goal.atLeast ?? -Infinity)
  const bound = goal.atMost === undefined ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`
  return [`${goal.of === 'ratio' ? 'ratio' : 'roster'} ${bound}`, met ? 'met' : 'MISSED']
}

/** To three significant digits: more would be noise. */
function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}
