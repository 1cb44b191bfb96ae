import { join } from 'node:path'
import type * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { packageDirectory } from '../package-directory.cjs'
import { niceService } from './definition.ts'
import type {
  CatalogServiceDefinition,
  CatalogServiceHandlers,
} from './gen/roster/v1/CatalogService.ts'
import type {
  EndpointServiceDefinition,
  EndpointServiceHandlers,
} from './gen/roster/v1/EndpointService.ts'
import type { LeaseServiceDefinition, LeaseServiceHandlers } from './gen/roster/v1/LeaseService.ts'
import type { PodServiceDefinition, PodServiceHandlers } from './gen/roster/v1/PodService.ts'

export type { MethodDefinition } from './definition.ts'
export type * from './messages.ts'

/** Folder of the .proto files, for tools that read them. */
export const protoDirectory: string = packageDirectory

/** File with the compiled contract (a google.protobuf.FileDescriptorSet), for reflection. */
export const descriptorSetFile: string = join(packageDirectory, 'dist/roster.binpb')

const loaded = loadSync(
  ['catalog', 'pods', 'endpoints', 'leases'].map((file) => `roster/v1/${file}.proto`),
  // The same settings as the `gen` script, or the types would lie.
  { includeDirs: [protoDirectory], longs: Number, enums: String, defaults: true },
)

const service = (name: string) => loaded[`roster.v1.${name}`] as grpc.ServiceDefinition

/** roster.v1.CatalogService, for nice-grpc. */
export const CatalogService = niceService<CatalogServiceDefinition, CatalogServiceHandlers>(
  service('CatalogService'),
)
/** roster.v1.PodService, for nice-grpc. */
export const PodService = niceService<PodServiceDefinition, PodServiceHandlers>(
  service('PodService'),
)
/** roster.v1.EndpointService, for nice-grpc. */
export const EndpointService = niceService<EndpointServiceDefinition, EndpointServiceHandlers>(
  service('EndpointService'),
)
/** roster.v1.LeaseService, for nice-grpc. */
export const LeaseService = niceService<LeaseServiceDefinition, LeaseServiceHandlers>(
  service('LeaseService'),
)

/** Full names of all services, for reflection and health. */
export const serviceNames: readonly string[] = [
  'roster.v1.CatalogService',
  'roster.v1.PodService',
  'roster.v1.EndpointService',
  'roster.v1.LeaseService',
]
