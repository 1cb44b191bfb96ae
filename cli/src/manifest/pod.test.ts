import type { Pod } from '@roster/proto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPod } from '../../../test/support/over-the-wire.ts'
import { toYaml } from '../print/serialised.ts'
import { podManifest } from './pod.ts'
import { readManifests } from './read.ts'

/** The pod of a manifest; apiVersion and kind may be left out. */
function parse(text: string): { pod: Pod | undefined; problems: readonly string[] } {
  const manifest = text.startsWith('apiVersion') ? text : `apiVersion: v1\nkind: Pod\n${text}`
  const { objects, problems } = readManifests([{ name: 'pod.yaml', text: manifest }])
  const [object] = objects
  return { pod: object?.kind === 'pods' ? object.message : undefined, problems }
}

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/)
const labels = fc.dictionary(
  fc.oneof(word, fc.constant('topology.kubernetes.io/zone')),
  fc.string(),
  { noNullPrototype: true },
)

const port = fc.oneof(fc.integer({ min: 1, max: 65_535 }).map(String), word)
const seconds = fc.integer({ min: 0, max: 100 })
const handler = fc.oneof(
  fc.record({
    httpGet: fc.record({
      path: fc.string({ minLength: 1 }),
      port,
      host: fc.oneof(word, fc.constant('')),
      scheme: fc.constantFrom('HTTP', 'HTTPS'),
      httpHeaders: fc.array(fc.record({ name: word, value: fc.string() })),
    }),
  }),
  fc.record({ tcpSocket: fc.record({ port, host: fc.oneof(word, fc.constant('')) }) }),
  fc.record({
    grpc: fc.record({ port: fc.integer({ min: 1 }), service: fc.oneof(word, fc.constant('')) }),
  }),
)
const probe = fc
  .tuple(
    handler,
    fc.record({
      initialDelaySeconds: seconds,
      timeoutSeconds: seconds,
      periodSeconds: seconds,
      successThreshold: seconds,
      failureThreshold: seconds,
    }),
  )
  .map(([handler, timing]) => ({ ...handler, ...timing }))

/** A pod as a registry could send it. */
const anyPod = fc.record({
  metadata: fc.record({
    name: word,
    namespace: word,
    uid: fc.uuid(),
    labels,
    annotations: fc.dictionary(word, fc.string(), { noNullPrototype: true }),
    revision: fc.integer({ min: 1, max: 1e9 }),
  }),
  spec: fc.record({
    ports: fc.array(
      fc.record({
        name: fc.oneof(word, fc.constant('')),
        containerPort: fc.integer({ min: 1, max: 65_535 }),
        protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
      }),
    ),
    nodeName: fc.oneof(word, fc.constant('')),
    zone: fc.oneof(word, fc.constant('')),
    hostname: fc.oneof(word, fc.constant('')),
    subdomain: fc.oneof(word, fc.constant('')),
    weight: fc.integer({ min: 0, max: 10_000 }),
    notIdempotentMethods: fc.subarray(['a.B/C', 'a.D/*']),
    readinessProbe: fc.option(probe),
  }),
  status: fc.record({
    podIps: fc.subarray(['10.0.0.1', 'fd00::1']),
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
    ready: fc.boolean(),
    terminating: fc.boolean(),
    leaseId: fc.constantFrom('', 'l1'),
    disconnected: fc.boolean(),
    conditions: fc.subarray([{ type: 'Probed', status: 'False', reason: 'Timeout' }]),
  }),
  override: fc.constantFrom(null, { maintenance: true }, { weight: 7 }),
})

describe('a Pod manifest', () => {
  it('of Kubernetes becomes a pod with its ports, place, addresses and weight', () => {
    const { pod, problems } = parse(`
metadata:
  name: web-1
  labels: {app: web, topology.kubernetes.io/zone: a}
  annotations: {roster.dev/weight: "50", roster.dev/not-idempotent-methods: "a.B/C, a.D/*", note: hi}
spec:
  nodeName: n1
  hostname: h
  subdomain: web
  restartPolicy: Never
  initContainers:
  - {name: sidecar, restartPolicy: Always, ports: [{name: admin, containerPort: 9090}]}
  - {name: setup, ports: [{name: no, containerPort: 1}]}
  containers:
  - name: main
    image: nginx
    resources: {limits: {cpu: 1}}
    ports: [{name: http, containerPort: 8080, hostPort: 80}, {containerPort: 53, protocol: UDP}]
status:
  hostIP: 192.168.0.1
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  phase: Running
  conditions: [{type: Initialized, status: "True"}, {type: Ready, status: "False"}]
`)
    expect(problems).toEqual([])
    expect(pod).toEqual({
      metadata: {
        name: 'web-1',
        namespace: '',
        uid: '',
        labels: { app: 'web', 'topology.kubernetes.io/zone': 'a' },
        annotations: { note: 'hi' },
      },
      spec: {
        ports: [
          { name: 'http', containerPort: 8080, protocol: 'TCP' },
          { containerPort: 53, protocol: 'UDP' },
          { name: 'admin', containerPort: 9090, protocol: 'TCP' },
        ],
        nodeName: 'n1',
        zone: 'a',
        hostname: 'h',
        subdomain: 'web',
        weight: 50,
        notIdempotentMethods: ['a.B/C', 'a.D/*'],
      },
      status: {
        podIps: ['10.0.0.1', 'fd00::1'],
        phase: 'Running',
        ready: false,
        terminating: false,
      },
    })
  })

  it('has the readiness probe of the first container that has one', () => {
    const { pod, problems } = parse(`
metadata: {name: p}
spec:
  containers:
  - {name: proxy, livenessProbe: {tcpSocket: {port: 1}}}
  - name: main
    readinessProbe:
      httpGet: {path: /ready, port: http, httpHeaders: [{name: Accept, value: text/plain}]}
      periodSeconds: 5
      terminationGracePeriodSeconds: 10
  - {name: other, readinessProbe: {grpc: {port: 2}}}
`)
    expect(problems).toEqual([])
    expect(pod?.spec?.readinessProbe).toEqual({
      httpGet: {
        path: '/ready',
        port: 'http',
        httpHeaders: [{ name: 'Accept', value: 'text/plain' }],
      },
      periodSeconds: 5,
    })
  })

  it('whose probe runs a command is refused, with what to use', () => {
    const { problems } = parse(`
metadata: {name: p}
spec: {containers: [{readinessProbe: {exec: {command: [cat, /tmp/healthy]}}}]}
`)
    expect(problems).toEqual([
      'pod.yaml, document 1: spec.containers[0].readinessProbe.exec: not supported: ' +
        'the registry runs no commands in pods; use httpGet, tcpSocket or grpc',
    ])
  })

  it('shows what the registry has found out in conditions', () => {
    const found = { status: 'False', reason: 'ConnectionRefused', message: 'tcp 10.0.0.1:80: …' }
    const lastTransitionTime = { seconds: 1_800_000_000 }
    const manifest = podManifest(
      readPod({ status: { conditions: [{ type: 'Probed', lastTransitionTime, ...found }] } }),
    )
    expect(manifest).toMatchObject({
      status: {
        conditions: [
          { type: 'Ready' },
          {
            type: 'roster.dev/Probed',
            lastTransitionTime: '2027-01-15T08:00:00Z',
            ...found,
          },
        ],
      },
    })
  })

  it('is ready when nothing is said of it, and takes podIP where there are no podIPs', () => {
    const { pod } = parse('metadata: {name: p}\nspec: {}\nstatus: {podIP: 10.0.0.1}')
    expect(pod?.status).toMatchObject({ ready: true, podIps: ['10.0.0.1'] })
  })

  it('that is being deleted is terminating', () => {
    const { pod } = parse('metadata: {name: p, deletionTimestamp: "2026-01-02T03:04:05Z"}')
    expect(pod?.status?.terminating).toBe(true)
  })

  it.each(['a lot', '-1', '10001', '1.5'])('with a weight of %j is refused', (weight) => {
    const { problems } = parse(
      `metadata: {name: p, annotations: {roster.dev/weight: ${JSON.stringify(weight)}}}`,
    )
    expect(problems).toEqual([
      `pod.yaml, document 1: metadata.annotations.roster.dev/weight: expected 0 to 10000, got "${weight}"`,
    ])
  })

  it('printed and read again says the same of the pod, but for lease, stream and override', () => {
    fc.assert(
      fc.property(anyPod, (sent) => {
        const { pod, problems } = parse(toYaml(podManifest(readPod(sent))))
        expect(problems).toEqual([])
        const again = readPod(pod!)
        const { metadata, spec, status } = readPod(sent)
        expect(again.metadata).toEqual({ ...metadata, revision: 0 })
        expect(again.spec).toEqual(spec)
        expect(again.status).toEqual({
          ...status,
          leaseId: '',
          disconnected: false,
          conditions: [],
        })
        expect(again.override).toBeNull()
      }),
      { numRuns: 60 },
    )
  })

  it('shows lease, lost stream and the wishes of the operator in annotations and conditions', () => {
    const manifest = podManifest(
      readPod({
        metadata: { name: 'p' },
        spec: { weight: 100 },
        status: { ready: true, leaseId: 'l1', disconnected: true },
        override: { maintenance: true, weight: 7 },
      }),
    )
    expect(manifest).toMatchObject({
      metadata: { annotations: { 'roster.dev/lease': 'l1', 'roster.dev/weight-override': '7' } },
      status: {
        conditions: [
          { type: 'Ready', status: 'True' },
          { type: 'roster.dev/Disconnected', status: 'True' },
          { type: 'roster.dev/Maintenance', status: 'True' },
        ],
      },
    })
  })
})
