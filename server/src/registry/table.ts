/** Which part of a table to read. */
export interface PageRequest<T> {
  /** Only this namespace; '' means all. */
  readonly namespace: string
  /** Start after this key; '' means at the beginning. */
  readonly after: string
  /** At most this many. */
  readonly limit: number
  /** The page ends before the item that would make it greater than this, but has at least one. */
  readonly maxBytes: number
  readonly bytesOf: (item: T) => number
  readonly matches: (item: T) => boolean
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Key to go on after; '' on the last page. */
  readonly next: string
}

/**
 * Objects by `namespace/name`, listed in key order. The order is made when it
 * is first asked for and kept until a key comes or goes, so that walking the
 * pages of a big table sorts it once.
 */
export class Table<T> {
  readonly #items = new Map<string, T>()
  #keys: readonly string[] | undefined

  get size(): number {
    return this.#items.size
  }

  get(key: string): T | undefined {
    return this.#items.get(key)
  }

  set(key: string, item: T): void {
    if (!this.#items.has(key)) this.#keys = undefined
    this.#items.set(key, item)
  }

  delete(key: string): T | undefined {
    const item = this.#items.get(key)
    if (this.#items.delete(key)) this.#keys = undefined
    return item
  }

  values(): IterableIterator<T> {
    return this.#items.values()
  }

  page(request: PageRequest<T>): Page<T> {
    const { namespace, after, limit, maxBytes, bytesOf, matches } = request
    this.#keys ??= [...this.#items.keys()].sort()
    const keys = this.#keys
    const prefix = namespace === '' ? '' : `${namespace}/`
    const items: T[] = []
    let last = ''
    let bytes = 0
    let start = prefix
    if (after > prefix) start = after
    for (let i = firstAfter(keys, start); i < keys.length; i++) {
      const key = keys[i] ?? ''
      if (!key.startsWith(prefix)) break
      const item = this.#items.get(key)
      if (item === undefined || !matches(item)) continue
      bytes += bytesOf(item)
      const isFull = items.length === limit || (bytes > maxBytes && items.length > 0)
      if (isFull) return { items, next: last }
      items.push(item)
      last = key
    }
    return { items, next: '' }
  }
}

/** Index of the first key greater than `key`, by bisection. */
function firstAfter(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] ?? '') > key) high = middle
    else low = middle + 1
  }
  return low
}

/** A Map or a Table. */
interface Settable<V> {
  set(key: string, value: V): unknown
  delete(key: string): unknown
}

/** Puts a value under a key, or with `undefined` takes away what is there. */
export function setOrDelete<V>(map: Settable<V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key)
  else map.set(key, value)
}
