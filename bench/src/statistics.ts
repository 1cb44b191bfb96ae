/** The middle value; the mean of the two in the middle when there is an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** The median of each figure over several rounds. */
export function medians<Key extends string>(
  rounds: readonly Readonly<Record<Key, number>>[],
): Record<Key, number> {
  const keys = Object.keys(rounds[0] ?? {}) as Key[]
  const entries = keys.map((key) => [key, median(rounds.map((round) => round[key]))])
  return Object.fromEntries(entries) as Record<Key, number>
}
