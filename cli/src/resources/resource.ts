import type { Manifest } from '../manifest/manifest.ts'

/** How much of an object a table shows. */
export type TableStyle = 'table' | 'wide'

/** Headers of a table in each style. */
export type Columns = Readonly<Record<TableStyle, readonly string[]>>

/** An object of some kind, ready to be shown. */
export interface Item {
  readonly namespace: string
  readonly name: string
  /** A cell for each column of the style. */
  cells(style: TableStyle, nowMs: number): readonly string[]
  manifest(): Manifest
  /** Everything about it, for people. May ask the registry for what belongs to it. */
  description(): Promise<string>
}

export interface Named {
  readonly namespace: string
  readonly name: string
}

export interface ListQuery {
  /** '' for all. */
  readonly namespace: string
  /** Label selector; '' for all. */
  readonly selector: string
}

/** What the commands do with the objects of one kind. */
export interface Resource {
  /** By namespace and name. */
  list(query: ListQuery): Promise<readonly Item[]>
  /** Fails with NOT_FOUND. */
  get(named: Named): Promise<Item>
  /** Fails with NOT_FOUND, and with CommandError for what cannot be deleted by itself. */
  delete(named: Named): Promise<void>
}
