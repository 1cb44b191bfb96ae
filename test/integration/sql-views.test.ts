import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { EndpointSlice } from '../../server/src/model/endpoint-slice.ts'
import { endpointsOf } from '../../server/src/model/endpoints.ts'
import { keyOf } from '../../server/src/model/keys.ts'
import type { ObjectMeta } from '../../server/src/model/meta.ts'
import type { Disconnected, Pod, PodOverride } from '../../server/src/model/pod.ts'
import type { Probed } from '../../server/src/model/probed.ts'
import { matchesAll, type Requirement, selectorOf } from '../../server/src/model/selector.ts'
import {
  hasSelector,
  type IPFamily,
  type Protocol,
  SERVICE_NAME_LABEL,
  type Service,
} from '../../server/src/model/service.ts'
import { openDatabase } from '../../server/src/store/sqlite/schema.ts'
import { SqliteStore } from '../../server/src/store/sqlite/sqlite-store.ts'
import type { Write } from '../../server/src/store/store.ts'

/** One row of the `endpoints` view. */
interface Row {
  readonly namespace: string
  readonly service: string
  readonly endpoint: string
  readonly pod: string
  readonly address: string
  readonly port_name: string | null
  readonly protocol: string | null
  readonly port: number | null
  readonly ready: number
  readonly serving: number
  readonly terminating: number
  readonly zone: string
  readonly node_name: string
  readonly weight: number
}

/** What is stored, as objects by key. */
type World = Map<string, unknown>

const namespace = fc.constantFrom('shop', 'shop', 'shop', 'default')
const lease = fc.constantFrom('', 'l1', 'l2')
const zone = fc.constantFrom('', 'a', 'b')
const node = fc.constantFrom('', 'n1')
const protocol = fc.constantFrom<Protocol>('TCP', 'UDP')
const labelKey = fc.constantFrom('app', 'tier', 'example.com/x.y')
const labelValue = fc.constantFrom('', 'web', 'db', '1')
const WEB = { app: 'web' }
const labels = fc.oneof(
  fc.constant(WEB),
  fc.dictionary(labelKey, labelValue, { maxKeys: 4 }).map((more) => ({ ...WEB, ...more })),
  fc.dictionary(labelKey, labelValue, { maxKeys: 4 }),
)
const families = fc.constantFrom<IPFamily[]>(['IPv4'], ['IPv6'], ['IPv4', 'IPv6'])

const meta = (of: { namespace: string; name: string; labels?: Record<string, string> }) =>
  ({
    uid: `uid-${of.name}`,
    annotations: {},
    creationTimestamp: '',
    labels: {},
    ...of,
  }) as ObjectMeta

const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key: labelKey,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(labelValue, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    key: labelKey,
    operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const),
    values: fc.constant([]),
  }),
)

const service: fc.Arbitrary<Service> = fc
  .record({
    namespace,
    name: fc.constantFrom('web', 'db', 'all'),
    type: fc.constantFrom('ClusterIP', 'ClusterIP', 'ClusterIP', 'NodePort', 'ExternalName'),
    selector: fc.oneof(
      { weight: 3, arbitrary: fc.constant(WEB) },
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.dictionary(labelKey, labelValue, { maxKeys: 2 }) },
    ),
    matchExpressions: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(requirement, { maxLength: 3 }) },
    ),
    ipFamilies: families,
    publishNotReadyAddresses: fc.boolean(),
    ports: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('', 'http', 'grpc', 'dns'),
        protocol,
        port: fc.integer({ min: 1, max: 9 }),
        targetPort: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom('http', 'dns', 'no')),
        nodePort: fc.constant(0),
      }),
      { selector: (port) => port.name, maxLength: 3 },
    ),
  })
  .map(({ namespace, name, ...spec }) => {
    return { metadata: meta({ namespace, name }), spec, status: {} } as unknown as Service
  })

const probe = fc.record({
  httpGet: fc.record({
    path: fc.constantFrom('/', '/"é"'),
    port: fc.constant(80),
    host: fc.constant(''),
    scheme: fc.constant<'HTTP'>('HTTP'),
    httpHeaders: fc.constant([]),
  }),
  initialDelaySeconds: fc.constant(0),
  timeoutSeconds: fc.constant(1),
  periodSeconds: fc.constant(10),
  successThreshold: fc.constant(1),
  failureThreshold: fc.constant(3),
})

const pod: fc.Arbitrary<Pod> = fc
  .record({
    metadata: fc
      .record({ namespace, name: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5', 'p6'), labels })
      .map(meta),
    spec: fc.record({
      ports: fc.array(
        fc.record({
          name: fc.constantFrom('', 'http', 'dns'),
          containerPort: fc.integer({ min: 10, max: 19 }),
          protocol,
        }),
        { maxLength: 3 },
      ),
      nodeName: node,
      zone,
      hostname: fc.constant(''),
      subdomain: fc.constant(''),
      weight: fc.integer({ min: 0, max: 3 }),
      readinessProbe: fc.option(probe, { nil: undefined }),
    }),
    status: fc.record({
      podIPs: fc.constantFrom([], ['10.0.0.1'], ['::1'], ['10.0.0.1', '::1'], ['::1', '10.0.0.1']),
      phase: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('Running', 'Pending') },
        { weight: 1, arbitrary: fc.constantFrom('Succeeded', 'Failed') },
      ),
      ready: fc.boolean(),
      terminating: fc.boolean(),
      leaseId: lease,
      lastTransitionTime: fc.constant(''),
    }),
  })
  // As from the store: a member that is undefined is absent.
  .map((one) => JSON.parse(JSON.stringify(one)) as Pod)

const condition = fc.record({
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
})
const slice: fc.Arbitrary<EndpointSlice> = fc
  .record({
    namespace,
    name: fc.constantFrom('s1', 's2', 's3'),
    service: fc.constantFrom('web', 'web', 'db', 'none'),
    addressType: fc.constantFrom<IPFamily>('IPv4', 'IPv4', 'IPv6'),
    endpoints: fc.array(
      fc.record({
        addresses: fc.uniqueArray(fc.constantFrom('10.0.0.1', '10.0.0.2'), {
          minLength: 1,
          maxLength: 2,
        }),
        conditions: condition,
        hostname: fc.constant(''),
        nodeName: node,
        zone,
      }),
      { minLength: 1, maxLength: 3 },
    ),
    ports: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('', 'http', 'dns'),
        protocol,
        port: fc.integer({ min: 1, max: 9 }),
      }),
      { selector: (port) => port.name, maxLength: 3 },
    ),
  })
  .map(({ namespace, name, service, ...rest }) => ({
    metadata: meta({ namespace, name, labels: { [SERVICE_NAME_LABEL]: service } }),
    ...rest,
  }))

const named = (kind: 'services' | 'pods' | 'endpointslices') => (object: unknown) => {
  const { metadata } = object as { metadata: ObjectMeta }
  return { key: keyOf(kind, metadata.namespace, metadata.name), object }
}
const override = fc.record(
  { maintenance: fc.boolean(), weight: fc.integer({ min: 0, max: 9 }) },
  { requiredKeys: ['maintenance'] },
)
const probed = fc
  .record({
    namespace,
    name: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5', 'p6'),
    uidOf: fc.constantFrom('', 'p1'),
    probe,
    status: fc.constantFrom('True', 'True', 'True', 'False'),
  })
  .map(({ namespace, name, uidOf, probe, status }) => ({
    key: keyOf('probed', namespace, name),
    object: { uid: `uid-${uidOf || name}`, probe, condition: { status } },
  }))
const change = fc.oneof(
  { weight: 6, arbitrary: pod.map(named('pods')) },
  { weight: 3, arbitrary: service.map(named('services')) },
  { weight: 4, arbitrary: slice.map(named('endpointslices')) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(namespace, fc.constantFrom('p1', 'p2'), override)
      .map(([ns, name, object]) => ({ key: keyOf('overrides', ns, name), object })),
  },
  { weight: 4, arbitrary: probed },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom('l1', 'l2')
      .map((id) => ({ key: keyOf('disconnected', id), object: { since: '' } as Disconnected })),
  },
)
const step = fc.tuple(change, fc.integer({ min: 0, max: 6 })).map(([{ key, object }, die]) => {
  return { key, object: die === 0 ? undefined : (object as unknown) }
})

it('endpoints are those of endpointsOf after any changes', async () => {
  let podRows = 0
  let writtenRows = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 60, size: 'max' }),
      async (steps) => {
        const connection = openDatabase(':memory:')
        const store = new SqliteStore(connection, { file: ':memory:' })
        const world: World = new Map()
        for (const { key, object } of steps) {
          if (object === undefined) world.delete(key)
          else world.set(key, object)
          const write: Write = { key, value: object === undefined ? null : JSON.stringify(object) }
          await store.commit([write], { actor: 'tester', reason: 'test' })
        }
        const rows = connection.prepare<[], Row>('SELECT * FROM endpoints').all()
        await store.close()
        for (const { pod } of rows) pod === '' ? writtenRows++ : podRows++
        expect(inOrder(rows)).toEqual(inOrder(expectedRows(world)))
      },
    ),
    { numRuns: 200 },
  )
  // The generated worlds are not empty ones.
  expect(podRows).toBeGreaterThan(200)
  expect(writtenRows).toBeGreaterThan(50)
}, 60_000)

const inOrder = (rows: readonly Row[]): readonly string[] =>
  rows.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort()

const objectsOf = <T>(world: World, kind: string): readonly T[] =>
  [...world].filter(([key]) => key.startsWith(`${kind}/`)).map(([, object]) => object as T)

function expectedRows(world: World): readonly Row[] {
  const pods = objectsOf<Pod>(world, 'pods')
  const slices = objectsOf<EndpointSlice>(world, 'endpointslices')
  return objectsOf<Service>(world, 'services').flatMap((service) => {
    const isHere = (metadata: ObjectMeta) => metadata.namespace === service.metadata.namespace
    const chosen = pods.filter(
      ({ metadata }) =>
        isHere(metadata) &&
        hasSelector(service.spec) &&
        matchesAll(selectorOf(service.spec), metadata.labels),
    )
    const facts = chosen.map((pod) => ({
      pod,
      override: world.get(keyOf('overrides', pod.metadata.namespace, pod.metadata.name)) as
        | PodOverride
        | undefined,
      disconnected: world.has(keyOf('disconnected', pod.status.leaseId)),
      probed: world.get(keyOf('probed', pod.metadata.namespace, pod.metadata.name)) as
        | Probed
        | undefined,
    }))
    const written = slices.filter(
      ({ metadata }) =>
        isHere(metadata) && metadata.labels[SERVICE_NAME_LABEL] === service.metadata.name,
    )
    return endpointsOf(service, facts, written).flatMap((endpoint) =>
      endpoint.addresses.flatMap((address) =>
        (endpoint.ports.length > 0 ? endpoint.ports : [undefined]).map(
          (port): Row => ({
            namespace: service.metadata.namespace,
            service: service.metadata.name,
            endpoint: endpoint.id,
            pod: endpoint.pod,
            address,
            port_name: port?.name ?? null,
            protocol: port?.protocol ?? null,
            port: port?.port ?? null,
            ready: Number(endpoint.ready),
            serving: Number(endpoint.serving),
            terminating: Number(endpoint.terminating),
            zone: endpoint.zone,
            node_name: endpoint.nodeName,
            weight: endpoint.weight,
          }),
        ),
      ),
    )
  })
}
