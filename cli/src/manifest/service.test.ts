import type { Service } from '@roster/proto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readService } from '../../../test/support/over-the-wire.ts'
import { toJson, toYaml } from '../print/serialised.ts'
import { readManifests } from './read.ts'
import { serviceManifest } from './service.ts'

const read = (text: string) => readManifests([{ name: 'web.yaml', text }])

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/)
const port = fc.integer({ min: 1, max: 65_535 })
const address = fc.ipV4()
/** Any text: what YAML could take for something else above all. */
const text = fc.oneof(
  fc.string(),
  fc.constantFrom('on', 'no', '012', '1_000', '0o17', 'null', '1e3', '2026-01-02'),
)
const texts = fc.dictionary(word, text, { noNullPrototype: true })

const servicePort = fc.record(
  {
    name: word,
    protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
    appProtocol: fc.constantFrom('kubernetes.io/h2c', 'http'),
    port,
    targetPort: fc.oneof(word, port.map(String)),
    nodePort: port,
  },
  { requiredKeys: ['port'] },
)

/** A service as a registry could send it. */
const service: fc.Arbitrary<Service> = fc.record({
  metadata: fc.record({
    name: word,
    namespace: word,
    uid: fc.uuid(),
    labels: texts,
    annotations: texts,
    revision: fc.integer({ min: 1, max: 1e9 }),
    creationTimestamp: fc.record({ seconds: fc.integer({ min: 0, max: 4e9 }) }),
  }),
  spec: fc.record(
    {
      type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
      ports: fc.array(servicePort, { maxLength: 3 }),
      selector: texts,
      matchExpressions: fc.array(
        fc.record({
          key: word,
          operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
          values: fc.array(text),
        }),
        { maxLength: 2 },
      ),
      clusterIp: fc.oneof(address, fc.constant('None')),
      clusterIps: fc.array(address, { maxLength: 2 }),
      ipFamilies: fc.subarray(['IPv4', 'IPv6']),
      ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
      externalName: word,
      externalIps: fc.array(address, { maxLength: 2 }),
      sessionAffinity: fc.constantFrom('None', 'ClientIP'),
      sessionAffinityConfig: fc.record({ clientIp: fc.record({ timeoutSeconds: port }) }),
      internalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
      externalTrafficPolicy: fc.constantFrom('Cluster', 'Local'),
      healthCheckNodePort: port,
      publishNotReadyAddresses: fc.boolean(),
      allocateLoadBalancerNodePorts: fc.boolean(),
      loadBalancerClass: word,
      loadBalancerSourceRanges: fc.array(
        address.map((ip) => `${ip}/32`),
        { maxLength: 2 },
      ),
      loadBalancerIp: address,
      trafficDistribution: fc.constantFrom('PreferSameZone', 'PreferSameNode'),
    },
    { requiredKeys: [] },
  ),
})

describe('a Service manifest', () => {
  it('becomes a message with every field that stands in it, and no other', () => {
    const { objects, problems } = read(`
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  labels: {app: web}
  resourceVersion: "7"
spec:
  clusterIP: 10.96.0.9
  selector: {app: web}
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  ports:
  - {name: http, port: 80, targetPort: web}
  - {name: admin, port: 90, targetPort: 9090, nodePort: 30090, protocol: UDP}
`)
    expect(problems).toEqual([])
    expect(objects[0]).toMatchObject({ kind: 'services', meta: { resourceVersion: 7 } })
    expect(objects[0]?.message).toEqual({
      metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' }, annotations: {} },
      spec: {
        clusterIp: '10.96.0.9',
        selector: { app: 'web' },
        sessionAffinityConfig: { clientIp: { timeoutSeconds: 60 } },
        ports: [
          { name: 'http', port: 80, targetPort: 'web' },
          { name: 'admin', port: 90, targetPort: '9090', nodePort: 30_090, protocol: 'UDP' },
        ],
      },
    })
  })

  it.each([
    ['spec: {port: 80}', 'spec.port: unknown field'],
    ['spec: {ports: [{port: 80, targetport: 8}]}', 'spec.ports[0].targetport: unknown field'],
    ['metadata: {name: web, lables: {}}\nspec: {}', 'metadata.lables: unknown field'],
    ['spec: {}\nstatsu: {}', 'statsu: unknown field'],
    [
      'spec: {sessionAffinityConfig: {clientIp: {}}}',
      'spec.sessionAffinityConfig.clientIp: unknown field',
    ],
  ])('with a typo as in %j is refused by the name of the field', (part, problem) => {
    const meta = part.includes('metadata') ? '' : 'metadata: {name: web}\n'
    const { problems } = read(`apiVersion: v1\nkind: Service\n${meta}${part}`)
    expect(problems).toEqual([`web.yaml, document 1: ${problem}`])
  })

  it.each(['yaml', 'json'])('printed as %s and read again is the same service', (form) => {
    fc.assert(
      fc.property(service, (sent) => {
        const manifest = serviceManifest(readService(sent))
        const { objects, problems } = read(form === 'yaml' ? toYaml(manifest) : toJson(manifest))
        expect(problems).toEqual([])
        const [object] = objects
        if (object?.kind !== 'services') throw new Error('not a service')
        const again = readService(object.message)
        const { revision } = sent.metadata!
        expect(object.meta.resourceVersion).toBe(revision)
        const { spec, metadata } = readService(sent)
        // An affinity config without a time says nothing; everything else must be there.
        expect(again.spec).toEqual(spec)
        expect(again.metadata).toEqual({
          ...metadata,
          uid: '',
          revision: 0,
          creationTimestamp: null,
        })
      }),
      { numRuns: 60 },
    )
  })

  it('keeps the order and the form of what kubectl prints', () => {
    const manifest = serviceManifest(
      readService({
        metadata: {
          name: 'lb',
          namespace: 'default',
          uid: 'u1',
          revision: 3,
          creationTimestamp: { seconds: 1_700_000_000 },
        },
        spec: {
          type: 'LoadBalancer',
          allocateLoadBalancerNodePorts: false,
          ports: [{ port: 80, protocol: 'TCP', targetPort: '80' }],
        },
        status: { loadBalancer: { ingress: [{ ip: '1.2.3.4', ipMode: 'VIP' }] } },
      }),
    )
    expect(toYaml(manifest)).toBe(`apiVersion: v1
kind: Service
metadata:
  creationTimestamp: "2023-11-14T22:13:20Z"
  name: lb
  namespace: default
  resourceVersion: "3"
  uid: u1
spec:
  allocateLoadBalancerNodePorts: false
  ports:
  - port: 80
    protocol: TCP
    targetPort: 80
  type: LoadBalancer
status:
  loadBalancer:
    ingress:
    - ip: 1.2.3.4
      ipMode: VIP
`)
  })
})
