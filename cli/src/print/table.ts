/** Space between columns, and the least a column takes with it: kubectl's. */
const GAP = 3
const LEAST_WIDTH = 6

const widthsOf = (cells: readonly string[], atLeast: readonly number[]): readonly number[] =>
  cells.map((cell, i) => Math.max(cell.length + GAP, LEAST_WIDTH, atLeast[i] ?? 0))

const line = (cells: readonly string[], widths: readonly number[]): string =>
  cells.map((c, i) => (i === cells.length - 1 ? c : c.padEnd(widths[i] ?? 0))).join('')

/** Rows in aligned columns, one line each; the first is the header. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<readonly number[]>((all, row) => widthsOf(row, all), [])
  return rows.map((row) => `${line(row, widths)}\n`).join('')
}

/** Rows that come one by one: a column once widened stays so. */
export class LiveTable {
  #widths: readonly number[]

  /** `widths`: what the cells of each column will likely take. */
  constructor(widths: readonly number[]) {
    this.#widths = widths.map((w) => w + GAP)
  }

  row(cells: readonly string[]): string {
    this.#widths = widthsOf(cells, this.#widths)
    return `${line(cells, this.#widths)}\n`
  }
}

/** `name: value` pairs, values in one column; several values stand below each other. */
export function details(
  pairs: readonly (readonly [name: string, value: string | readonly string[]])[],
): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 3
  return pairs
    .flatMap(([name, value]) => {
      const values = typeof value === 'string' ? [value] : value.length === 0 ? [NONE] : value
      return values.map((v, i) => `${(i === 0 ? `${name}:` : '').padEnd(width)}${v}\n`)
    })
    .join('')
}

/** What stands where there is nothing, as in kubectl. */
export const NONE = '<none>'

/** `a=1,b=2` by key, or `<none>`. */
export const printLabels = (labels: Readonly<Record<string, string>>): string =>
  sortedPairs(labels).join(',') || NONE

/** `a=1`, `b=2` by key. */
export const sortedPairs = (labels: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(labels)
    .map(([k, v]) => `${k}=${v}`)
    .sort()

/** The first three, and how many more there are; `absent` for none. */
export function printFew(values: readonly string[], absent: string): string {
  if (values.length === 0) return absent
  const few = values.slice(0, 3).join(',')
  return values.length > 3 ? `${few} + ${values.length - 3} more...` : few
}
