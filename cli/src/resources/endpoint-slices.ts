import type { EndpointSlice__Output } from '@roster/proto'
import type { Connection } from '../connection.ts'
import { endpointSliceManifest } from '../manifest/endpoint-slice.ts'
import { age } from '../print/age.ts'
import { describeEndpointSlice } from '../print/describe-endpoints.ts'
import { printFew } from '../print/table.ts'
import { everyPage, sent } from './pages.ts'
import type { Columns, Item, Resource } from './resource.ts'

const TABLE = ['NAME', 'ADDRESSTYPE', 'PORTS', 'ENDPOINTS', 'AGE']
/** Columns of their tables. */
export const ENDPOINT_SLICE_COLUMNS: Columns = { table: TABLE, wide: TABLE }

/** Endpoints written by hand. */
export function endpointSlices({ endpoints }: Connection): Resource {
  return {
    list: async ({ namespace, selector }) => {
      const all = await everyPage(
        (pageToken) =>
          endpoints.listEndpointSlices({ namespace, labelSelector: selector, pageToken }),
        (page) => page.endpointSlices,
      )
      return all.map(sliceItem)
    },
    get: async (named) => sliceItem(sent((await endpoints.getEndpointSlice(named)).endpointSlice)),
    delete: async (named) => {
      await endpoints.deleteEndpointSlice(named)
    },
  }
}

function sliceItem(slice: EndpointSlice__Output): Item {
  const { name, namespace } = sent(slice.metadata)
  return {
    name,
    namespace,
    cells: (_, nowMs) => endpointSliceCells(slice, nowMs),
    manifest: () => endpointSliceManifest(slice),
    description: async () => describeEndpointSlice(slice),
  }
}

/** The row `kubectl get endpointslices` has. */
export function endpointSliceCells(slice: EndpointSlice__Output, nowMs: number): readonly string[] {
  const meta = sent(slice.metadata)
  return [
    meta.name,
    slice.addressType,
    printFew(
      slice.ports.map((p) => String(p.port)),
      '<unset>',
    ),
    printFew(
      slice.endpoints.flatMap((e) => e.addresses),
      '<unset>',
    ),
    age(meta.creationTimestamp, nowMs),
  ]
}
