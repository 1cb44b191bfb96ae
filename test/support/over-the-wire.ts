import {
  CatalogService,
  EndpointService,
  type EndpointSet,
  type EndpointSet__Output,
  type EndpointSlice,
  type EndpointSlice__Output,
  type Pod,
  type Pod__Output,
  PodService,
  type Service,
  type Service__Output,
} from '@roster/proto'

/** A service as a client reads it: with every default of the encoding. */
export function readService(service: Service): Service__Output {
  const { responseSerialize, responseDeserialize } = CatalogService.getService
  return responseDeserialize(responseSerialize({ service })).service!
}

/** A pod as a client reads it. */
export function readPod(pod: Pod): Pod__Output {
  const { responseSerialize, responseDeserialize } = PodService.getPod
  return responseDeserialize(responseSerialize({ pod })).pod!
}

/** A hand-written slice as a client reads it. */
export function readSlice(endpointSlice: EndpointSlice): EndpointSlice__Output {
  const { responseSerialize, responseDeserialize } = EndpointService.getEndpointSlice
  return responseDeserialize(responseSerialize({ endpointSlice })).endpointSlice!
}

/** An endpoint set as a client reads it. */
export function readSet(endpointSet: EndpointSet): EndpointSet__Output {
  const { responseSerialize, responseDeserialize } = EndpointService.resolveEndpoints
  return responseDeserialize(responseSerialize({ endpointSet })).endpointSet!
}
