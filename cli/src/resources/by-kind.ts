import type { Connection } from '../connection.ts'
import type { Kind } from '../kinds.ts'
import { ENDPOINT_SLICE_COLUMNS, endpointSlices } from './endpoint-slices.ts'
import { ENDPOINTS_COLUMNS, endpoints } from './endpoints.ts'
import { POD_COLUMNS, pods } from './pods.ts'
import type { Columns, Resource } from './resource.ts'
import { SERVICE_COLUMNS, services } from './services.ts'

const RESOURCES: Readonly<Record<Kind, (connection: Connection) => Resource>> = {
  services,
  pods,
  endpoints,
  endpointslices: endpointSlices,
}

/** The objects of a kind at a registry. */
export const resource = (kind: Kind, connection: Connection): Resource =>
  RESOURCES[kind](connection)

/** The columns of the tables of each kind. */
export const COLUMNS: Readonly<Record<Kind, Columns>> = {
  services: SERVICE_COLUMNS,
  pods: POD_COLUMNS,
  endpoints: ENDPOINTS_COLUMNS,
  endpointslices: ENDPOINT_SLICE_COLUMNS,
}
