/** What turns one state into another. */
export interface Difference<Item> {
  readonly added: readonly Item[]
  readonly changed: readonly Item[]
  /** Keys. */
  readonly removed: readonly string[]
}

/** The difference between two states, by key. Items are compared by identity. */
export function differenceOf<Item>(
  before: ReadonlyMap<string, Item>,
  after: ReadonlyMap<string, Item>,
): Difference<Item> {
  const added: Item[] = []
  const changed: Item[] = []
  for (const [key, item] of after) {
    const known = before.get(key)
    if (known === undefined) added.push(item)
    else if (known !== item) changed.push(item)
  }
  const removed = [...before.keys()].filter((key) => !after.has(key))
  return { added, changed, removed }
}
