import type { ServicePort__Output } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { portOf, whyNoPort } from './endpoint-port.ts'
import type { Endpoint, EndpointSet } from './endpoint-set.ts'

const endpoint: Endpoint = {
  id: 'a',
  pod: 'a',
  addresses: ['10.0.0.1'],
  ports: [
    { name: 'dns', protocol: 'UDP', port: 53, appProtocol: '' },
    { name: 'metrics', protocol: 'TCP', port: 9464, appProtocol: '' },
    { name: 'grpc', protocol: 'TCP', port: 50051, appProtocol: '' },
  ],
  ready: true,
  serving: true,
  terminating: false,
  hostname: '',
  nodeName: '',
  zone: '',
  weight: 100,
  notIdempotentMethods: [],
  hash: 1,
}
const servicePort = (name: string, port: number, protocol = 'TCP'): ServicePort__Output => ({
  name,
  port,
  protocol,
  targetPort: '',
  nodePort: 0,
})
const set = {
  namespace: 'shop',
  service: 'web',
  revision: 1,
  endpoints: [endpoint],
  emptyReason: 'EMPTY_REASON_UNSPECIFIED',
  hash: 1,
  definition: {
    metadata: null,
    status: null,
    spec: {
      ports: [servicePort('dns', 53, 'UDP'), servicePort('grpc', 80), servicePort('metrics', 9464)],
    },
  },
} as unknown as EndpointSet

describe('the port of an endpoint', () => {
  it.each([
    ['the first TCP port of the service when none is asked for', undefined, 50051],
    ['the one of that name', 'metrics', 9464],
    ['the one behind that port of the service', 80, 50051],
    ['the pod port of that number when the service has none such', 50051, 50051],
  ])('is %s', (_, wanted, expected) => {
    expect(portOf(set, endpoint, wanted)).toBe(expected)
  })

  it.each([['http'], ['dns'], [53], [8080]])('is missing for %s', (wanted) => {
    expect(portOf(set, endpoint, wanted)).toBeUndefined()
  })

  it('is the first of the endpoint when the service is not known', () => {
    const { definition: _, ...bare } = set
    expect(portOf(bare, endpoint, undefined)).toBe(9464)
  })
})

it('says which ports there are when the one asked for is not', () => {
  expect(whyNoPort(set, 'http')).toBe(
    'service shop/web has no TCP port http: its ports are dns (53), grpc (80), metrics (9464)',
  )
})
