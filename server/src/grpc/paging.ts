import { RegistryError } from '../model/errors.ts'
import type { ObjectMeta } from '../model/meta.ts'
import { matches, parseSelector } from '../model/selector.ts'
import type { Page, PageRequest, Table } from '../registry/table.ts'

const DEFAULT_PAGE = 500
const MAX_PAGE = 1000
/** Half of what a gRPC client takes in one message unless it is told otherwise. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024

/** The fields all list requests share. */
export interface ListRequest {
  readonly namespace: string
  readonly labelSelector: string
  readonly pageSize: number
  readonly pageToken: string
}

/** What paging has to know of an object. */
export interface Listed {
  readonly metadata: ObjectMeta
}

/** One page of a table. The token is the key to go on after, so it outlives any change. */
export function pageOf<T>(
  table: Table<T>,
  request: ListRequest,
  objectOf: (item: T) => Listed,
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
    maxBytes: MAX_PAGE_BYTES,
    // A JSON text is longer than the message of the same object.
    bytesOf: (item) => JSON.stringify(objectOf(item)).length,
    matches: (item) => matches(selector, objectOf(item).metadata.labels),
  }
  const { items, next } = table.page(page)
  return { items, next: Buffer.from(next).toString('base64url') }
}
