import type { Entry } from '../store.ts'

const PAGE_SIZE = 512

/** Present entries in key order, page by page. */
export interface Pages {
  pageFrom(from: string, size: number): readonly Entry[]
  pageAfter(after: string, size: number): readonly Entry[]
}

/**
 * The entries of one `list`, read as they are asked for; they can be gone
 * through once. Before the store changes, `freeze` reads what is left, so that
 * they all are of one revision however late they are asked for.
 */
export class Listing implements IterableIterator<Entry> {
  readonly #prefix: string
  readonly #pages: Pages
  readonly #onEnd: (listing: Listing) => void
  #page: Entry[] = []
  #next = 0
  #last: string | undefined
  #isComplete = false

  constructor(prefix: string, pages: Pages, onEnd: (listing: Listing) => void) {
    this.#prefix = prefix
    this.#pages = pages
    this.#onEnd = onEnd
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<Entry> {
    if (this.#next === this.#page.length && !this.#isComplete) {
      this.#page = []
      this.#next = 0
      this.#readPage()
    }
    const value = this.#page[this.#next]
    if (value === undefined) return { value: undefined, done: true }
    this.#next++
    return { value, done: false }
  }

  return(): IteratorResult<Entry> {
    this.#page = []
    this.#next = 0
    this.#complete()
    return { value: undefined, done: true }
  }

  /** Reads all that is left. */
  freeze(): void {
    while (!this.#isComplete) this.#readPage()
  }

  #readPage(): void {
    const page =
      this.#last === undefined
        ? this.#pages.pageFrom(this.#prefix, PAGE_SIZE)
        : this.#pages.pageAfter(this.#last, PAGE_SIZE)
    this.#last = page.at(-1)?.key
    const isLast = page.length < PAGE_SIZE || this.#last?.startsWith(this.#prefix) !== true
    const own = isLast ? page.filter(({ key }) => key.startsWith(this.#prefix)) : page
    if (this.#page.length === 0) this.#page = [...own]
    else for (const entry of own) this.#page.push(entry)
    if (isLast) this.#complete()
  }

  #complete(): void {
    if (this.#isComplete) return
    this.#isComplete = true
    this.#onEnd(this)
  }
}
