import { sliceAddressProblems } from './endpoint-address.ts'
import type { EndpointSlice, SliceEndpoint, SlicePort } from './endpoint-slice.ts'
import { FieldErrors } from './field-errors.ts'
import { labelValue, validateObjectMeta } from './labels.ts'
import { DEFAULT_NAMESPACE, type Labels } from './meta.ts'
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  type NameRule,
  qualifiedName,
} from './names.ts'
import {
  IP_FAMILIES,
  type IPFamily,
  PROTOCOLS,
  type Protocol,
  SERVICE_NAME_LABEL,
} from './service.ts'

/** An EndpointSlice as a caller writes it; what is absent or '' has a default where there is one. */
export interface SliceInput {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string | undefined
    readonly labels?: Labels | undefined
    readonly annotations?: Labels | undefined
  }
  readonly addressType?: string | undefined
  readonly endpoints?: readonly SliceEndpointInput[] | undefined
  readonly ports?: readonly SlicePortInput[] | undefined
}

export interface SliceEndpointInput {
  readonly addresses?: readonly string[] | undefined
  readonly conditions?:
    | {
        readonly ready?: boolean | undefined
        readonly serving?: boolean | undefined
        readonly terminating?: boolean | undefined
      }
    | undefined
  readonly hostname?: string | undefined
  readonly nodeName?: string | undefined
  readonly zone?: string | undefined
}

export interface SlicePortInput {
  readonly name?: string | undefined
  readonly protocol?: string | undefined
  readonly port?: number | undefined
  readonly appProtocol?: string | undefined
}

const MAX_ENDPOINTS = 1000
const MAX_ADDRESSES = 100
const MAX_PORTS = 100

/**
 * The slice to store for what a caller wrote: defaults filled in and validated as
 * discovery/v1 does. `old` is the slice of that name now, whose uid and creation
 * time stay; `fresh` gives them (`now`: RFC 3339) to a new one.
 * Fails with INVALID, a violation for each bad field.
 */
export const admitSlice = (
  input: SliceInput,
  old: EndpointSlice | undefined,
  fresh: { readonly uid: string; readonly now: string },
): EndpointSlice => {
  const { metadata } = input
  const slice: EndpointSlice = {
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace || DEFAULT_NAMESPACE,
      uid: old?.metadata.uid ?? fresh.uid,
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
      creationTimestamp: old?.metadata.creationTimestamp ?? fresh.now,
    },
    addressType: (input.addressType ?? '') as IPFamily,
    endpoints: (input.endpoints ?? []).map(toEndpoint),
    ports: (input.ports ?? []).map(toPort),
  }
  const errors = new FieldErrors()
  validateObjectMeta(slice.metadata, dns1123Subdomain, errors)
  validateServiceName(slice.metadata.labels[SERVICE_NAME_LABEL], errors)
  validateAddressType(slice.addressType, old?.addressType, errors)
  validateEndpoints(slice, errors)
  validatePorts(slice.ports, errors)
  errors.throwIfAny('EndpointSlice', metadata.name)
  return slice
}

/** discovery/v1 EndpointConditions: nil means ready, serving as ready, not terminating. */
const toEndpoint = (endpoint: SliceEndpointInput): SliceEndpoint => {
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {}
  return {
    addresses: endpoint.addresses ?? [],
    conditions: { ready, serving, terminating },
    hostname: endpoint.hostname ?? '',
    nodeName: endpoint.nodeName ?? '',
    zone: endpoint.zone ?? '',
  }
}

const toPort = ({ name, protocol, port, appProtocol }: SlicePortInput): SlicePort => ({
  name: name ?? '',
  protocol: (protocol || 'TCP') as Protocol,
  port: port ?? 0,
  ...(appProtocol && { appProtocol }),
})

const validateServiceName = (service: string | undefined, errors: FieldErrors): void => {
  const field = `metadata.labels[${SERVICE_NAME_LABEL}]`
  if (service) validateName(service, field, dns1035Label, errors)
  else errors.required(field, 'must name the service')
}

const validateAddressType = (
  type: IPFamily,
  oldType: IPFamily | undefined,
  errors: FieldErrors,
): void => {
  const field = 'addressType'
  if (!type) errors.required(field)
  else if (!IP_FAMILIES.includes(type)) errors.notSupported(field, type, IP_FAMILIES)
  if (oldType !== undefined && type !== oldType) {
    errors.invalid(field, type, 'field is immutable')
  }
}

const validateEndpoints = (slice: EndpointSlice, errors: FieldErrors): void => {
  const { endpoints, addressType } = slice
  if (endpoints.length > MAX_ENDPOINTS) {
    errors.tooMany('endpoints', endpoints.length, MAX_ENDPOINTS)
    return
  }
  endpoints.forEach(({ addresses, hostname, nodeName, zone }, i) => {
    const field = `endpoints[${i}]`
    validateAddresses(addresses, addressType, `${field}.addresses`, errors)
    validateName(hostname, `${field}.hostname`, dns1123Label, errors)
    validateName(nodeName, `${field}.nodeName`, dns1123Subdomain, errors)
    validateName(zone, `${field}.zone`, labelValue, errors)
  })
}

const validateAddresses = (
  addresses: readonly string[],
  type: IPFamily,
  field: string,
  errors: FieldErrors,
): void => {
  if (addresses.length === 0) errors.required(field, 'must contain at least 1 address')
  if (addresses.length > MAX_ADDRESSES) {
    errors.tooMany(field, addresses.length, MAX_ADDRESSES)
    return
  }
  // Without a type that we know, there is nothing to hold the addresses against.
  if (!IP_FAMILIES.includes(type)) return
  addresses.forEach((address, i) => {
    for (const problem of sliceAddressProblems(address, type)) {
      errors.invalid(`${field}[${i}]`, address, problem)
    }
  })
}

const validatePorts = (ports: readonly SlicePort[], errors: FieldErrors): void => {
  if (ports.length > MAX_PORTS) {
    errors.tooMany('ports', ports.length, MAX_PORTS)
    return
  }
  const names = new Set<string>()
  ports.forEach(({ name, protocol, port, appProtocol }, i) => {
    const field = `ports[${i}]`
    validateName(name, `${field}.name`, dns1123Label, errors)
    if (names.has(name)) errors.duplicate(`${field}.name`, name)
    names.add(name)
    if (!PROTOCOLS.includes(protocol)) {
      errors.notSupported(`${field}.protocol`, protocol, PROTOCOLS.toSorted())
    }
    validatePortNumber(port, `${field}.port`, errors)
    validateName(appProtocol ?? '', `${field}.appProtocol`, qualifiedName, errors)
  })
}

const validatePortNumber = (port: number, field: string, errors: FieldErrors): void => {
  if (port === 0) errors.required(field)
  else if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    errors.invalid(field, port, 'must be between 1 and 65535, inclusive')
  }
}

/** Reports what is wrong with a name that may be left out. */
const validateName = (value: string, field: string, rule: NameRule, errors: FieldErrors): void => {
  if (value === '') return
  for (const problem of rule(value)) errors.invalid(field, value, problem)
}
