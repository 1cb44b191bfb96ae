import type { Service__Output, ServicePort__Output } from '@roster/proto'
import type { Connection } from '../connection.ts'
import { serviceManifest } from '../manifest/service.ts'
import { age } from '../print/age.ts'
import { describeService } from '../print/describe-service.ts'
import { NONE, printLabels } from '../print/table.ts'
import { everyPage, sent } from './pages.ts'
import type { Columns, Item, Resource, TableStyle } from './resource.ts'

const TABLE = ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE']
/** Columns of their tables. */
export const SERVICE_COLUMNS: Columns = { table: TABLE, wide: [...TABLE, 'SELECTOR'] }

/** Services, as the registry keeps them. */
export function services(connection: Connection): Resource {
  const item = (service: Service__Output) => serviceItem(service, connection)
  return {
    list: async ({ namespace, selector }) => {
      const all = await everyPage(
        (pageToken) =>
          connection.catalog.listServices({ namespace, labelSelector: selector, pageToken }),
        (page) => page.services,
      )
      return all.map(item)
    },
    get: async (named) => item(sent((await connection.catalog.getService(named)).service)),
    delete: async (named) => {
      await connection.catalog.deleteService(named)
    },
  }
}

function serviceItem(service: Service__Output, connection: Connection): Item {
  const { name, namespace } = sent(service.metadata)
  return {
    name,
    namespace,
    cells: (style, nowMs) => serviceCells(service, style, nowMs),
    manifest: () => serviceManifest(service),
    description: async () => {
      const { endpointSet } = await connection.endpoints.resolveEndpoints({
        namespace,
        service: name,
      })
      return describeService(service, sent(endpointSet))
    },
  }
}

/** The row `kubectl get services` has. */
export function serviceCells(
  { metadata, spec, status }: Service__Output,
  style: TableStyle,
  nowMs: number,
): readonly string[] {
  const meta = sent(metadata)
  const wanted = sent(spec)
  const ways = (status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname)
  const cells = [
    meta.name,
    wanted.type,
    wanted.clusterIps[0] ?? NONE,
    wanted.type === 'ExternalName'
      ? wanted.externalName
      : externalAddresses(wanted.type, ways, wanted.externalIps, style),
    wanted.ports.map(printPort).join(',') || NONE,
    age(meta.creationTimestamp, nowMs),
  ]
  return style === 'wide' ? [...cells, printLabels(wanted.selector)] : cells
}

/** Characters of load balancer addresses that a narrow table has room for. */
const NARROW = 16

function externalAddresses(
  type: string,
  ways: readonly string[],
  externalIps: readonly string[],
  style: TableStyle,
): string {
  const all = [...new Set(ways)].sort().join(',')
  const shown = style === 'table' && all.length > NARROW ? `${all.slice(0, NARROW - 3)}...` : all
  const addresses = [...(shown === '' ? [] : [shown]), ...externalIps].join(',')
  if (addresses !== '') return addresses
  return type === 'LoadBalancer' ? '<pending>' : NONE
}

const printPort = ({ nodePort, port, protocol }: ServicePort__Output): string =>
  `${port}${nodePort > 0 ? `:${nodePort}` : ''}/${protocol}`
