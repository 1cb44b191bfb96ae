import { RegistryError } from '../model/errors.ts'
import type { Labels } from '../model/meta.ts'
import { matches, parseSelector } from '../model/selector.ts'
import type { Page, PageRequest, Table } from '../registry/table.ts'

const DEFAULT_PAGE = 500
const MAX_PAGE = 1000

/** The fields all list requests share. */
export interface ListRequest {
  readonly namespace: string
  readonly labelSelector: string
  readonly pageSize: number
  readonly pageToken: string
}

/** One page of a table. The token is the key to go on after, so it outlives any change. */
export function pageOf<T>(
  table: Table<T>,
  request: ListRequest,
  labelsOf: (item: T) => Labels,
): Page<T> {
  if (request.pageSize < 0) {
    const description = `Invalid value: ${request.pageSize}: must be greater than or equal to 0`
    throw new RegistryError('INVALID', `page_size: ${description}`, {
      violations: [{ field: 'page_size', description }],
    })
  }
  const selector = parseSelector(request.labelSelector)
  const page: PageRequest<T> = {
    namespace: request.namespace,
    after: Buffer.from(request.pageToken, 'base64url').toString(),
    limit: Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE),
    matches: (item) => matches(selector, labelsOf(item)),
  }
  const { items, next } = table.page(page)
  return { items, next: Buffer.from(next).toString('base64url') }
}
