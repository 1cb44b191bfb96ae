import type {
  EndpointConditions,
  EndpointSlice,
  EndpointSlice__Output,
  SliceEndpoint,
  SliceEndpoint__Output,
  SlicePort,
  SlicePort__Output,
} from '@roster/proto'
import type { Fields } from './fields.ts'
import { type Manifest, present, telling } from './manifest.ts'
import { type ManifestMeta, metaManifest, metaMessage } from './meta.ts'

/**
 * The message of an EndpointSlice manifest (discovery.k8s.io/v1). A field
 * Kubernetes does not know is a problem; hints and targetRef have no meaning for
 * endpoints written by hand and are passed over.
 */
export function parseEndpointSlice(manifest: Fields, meta: ManifestMeta): EndpointSlice {
  return {
    metadata: metaMessage(meta),
    ...present({ addressType: manifest.text('addressType') }),
    endpoints: (manifest.objects('endpoints') ?? []).map(parseEndpoint),
    ports: (manifest.objects('ports') ?? []).map(parsePort),
  }
}

function parseEndpoint(fields: Fields): SliceEndpoint {
  const endpoint = present({
    addresses: fields.texts('addresses'),
    conditions: parseConditions(fields.object('conditions')),
    hostname: fields.text('hostname'),
    nodeName: fields.text('nodeName'),
    zone: fields.text('zone'),
  })
  fields.ignore('deprecatedTopology', 'hints', 'targetRef')
  fields.refuseOthers()
  return endpoint
}

function parseConditions(fields: Fields | undefined): EndpointConditions | undefined {
  if (fields === undefined) return undefined
  const conditions = present({
    ready: fields.truth('ready'),
    serving: fields.truth('serving'),
    terminating: fields.truth('terminating'),
  })
  fields.refuseOthers()
  return conditions
}

function parsePort(fields: Fields): SlicePort {
  const port = present({
    name: fields.text('name'),
    protocol: fields.text('protocol'),
    port: fields.integer('port'),
    appProtocol: fields.text('appProtocol'),
  })
  fields.refuseOthers()
  return port
}

/** The manifest of a hand-written slice. */
export function endpointSliceManifest(slice: EndpointSlice__Output): Manifest {
  return {
    addressType: slice.addressType,
    apiVersion: 'discovery.k8s.io/v1',
    endpoints: slice.endpoints.map(endpointManifest),
    kind: 'EndpointSlice',
    ...(slice.metadata && { metadata: metaManifest(slice.metadata) }),
    ports: slice.ports.map(portManifest),
  }
}

const endpointManifest = (endpoint: SliceEndpoint__Output): Manifest =>
  telling({
    addresses: endpoint.addresses,
    conditions: telling({ ...endpoint.conditions }),
    hostname: endpoint.hostname,
    nodeName: endpoint.nodeName,
    zone: endpoint.zone,
  })

/** A port without a name has an empty one, as Kubernetes writes it. */
const portManifest = ({ appProtocol, name, port, protocol }: SlicePort__Output): Manifest =>
  present({ appProtocol, name, port, protocol })
