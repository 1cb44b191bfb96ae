import type { EndpointSet__Output } from '@roster/proto'
import { ClientError, Status } from 'nice-grpc'
import type { Connection } from '../connection.ts'
import { CommandError } from '../errors.ts'
import { endpointsManifest } from '../manifest/endpoints.ts'
import { printReady } from '../print/addresses.ts'
import { age } from '../print/age.ts'
import { describeEndpoints } from '../print/describe-endpoints.ts'
import { everyPage } from './pages.ts'
import type { Columns, Item, ListQuery, Resource } from './resource.ts'

const TABLE = ['NAME', 'ENDPOINTS', 'AGE']
/** Columns of their tables. */
export const ENDPOINTS_COLUMNS: Columns = { table: TABLE, wide: TABLE }

/** Endpoint sets: where each service can be reached right now. */
export function endpoints(connection: Connection): Resource {
  return {
    list: async (query) => (await currentSets(connection, query)).map(setItem),
    get: async ({ namespace, name }) => {
      const answer = await connection.endpoints.resolveEndpoints({ namespace, service: name })
      const set = answer.endpointSet
      if (set?.definition) return setItem(set)
      throw new ClientError(
        'ResolveEndpoints',
        Status.NOT_FOUND,
        `service ${namespace}/${name} not found: apply it first, or check the namespace`,
      )
    },
    delete: async () => {
      throw new CommandError(
        'endpoints follow from services and pods: delete the service, its pods or its endpointslices',
      )
    },
  }
}

/** The sets of all services that are asked for, each as it is now. */
async function currentSets(
  { catalog, endpoints: service }: Connection,
  { namespace, selector }: ListQuery,
): Promise<readonly EndpointSet__Output[]> {
  const services = await everyPage(
    (pageToken) => catalog.listServices({ namespace, labelSelector: selector, pageToken }),
    (page) => page.services,
  )
  const sets: EndpointSet__Output[] = []
  for (let i = 0; i < services.length; i += AT_ONCE) {
    const calls = services.slice(i, i + AT_ONCE).map(({ metadata }) =>
      service.resolveEndpoints({
        namespace: metadata?.namespace ?? '',
        service: metadata?.name ?? '',
      }),
    )
    for (const { endpointSet } of await Promise.all(calls)) {
      // A service deleted in between has no definition any more.
      if (endpointSet?.definition) sets.push(endpointSet)
    }
  }
  return sets
}

/** Calls in flight: enough to hide the way there and back, few enough for a busy registry. */
const AT_ONCE = 32

function setItem(set: EndpointSet__Output): Item {
  return {
    name: set.service,
    namespace: set.namespace,
    cells: (_, nowMs) => endpointsCells(set, nowMs),
    manifest: () => endpointsManifest(set),
    description: async () => describeEndpoints(set),
  }
}

/** The row `kubectl get endpoints` has. */
export const endpointsCells = (set: EndpointSet__Output, nowMs: number): readonly string[] => [
  set.service,
  printReady(set),
  age(set.definition?.metadata?.creationTimestamp ?? null, nowMs),
]
