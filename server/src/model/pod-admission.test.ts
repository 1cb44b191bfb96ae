import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RegistryError } from './errors.ts'
import type { Pod } from './pod.ts'
import { admitPod, type PodInput, updatePodStatus, validateOverride } from './pod-admission.ts'

const fresh = { uid: 'fresh-uid', now: '2026-01-02T03:04:05.678Z', leaseId: 'lease-1' }
const later = { uid: 'later-uid', now: '2026-01-02T04:00:00.000Z', leaseId: 'lease-2' }

const violationsOf = (act: () => unknown): readonly string[] => {
  try {
    act()
  } catch (error) {
    const { code, violations } = error as RegistryError
    if (code !== 'INVALID') throw error
    return violations.map((v) => `${v.field}: ${v.description}`)
  }
  return []
}

const problemsWith = (input: Partial<PodInput>) =>
  violationsOf(() => admitPod({ metadata: { name: 'web-1' }, ...input }, undefined, fresh))

const ports = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `p${i}`, containerPort: i + 1 }))

describe('admitPod', () => {
  it('fills in every default of a pod that gives its name alone', () => {
    expect(admitPod({ metadata: { name: 'web-1' } }, undefined, fresh)).toEqual({
      metadata: {
        name: 'web-1',
        namespace: 'default',
        uid: 'fresh-uid',
        labels: {},
        annotations: {},
        creationTimestamp: fresh.now,
      },
      spec: { ports: [], nodeName: '', zone: '', hostname: '', subdomain: '', weight: 100 },
      status: {
        podIPs: [],
        phase: 'Running',
        ready: true,
        terminating: false,
        leaseId: 'lease-1',
        lastTransitionTime: fresh.now,
      },
    })
  })

  it('keeps everything a pod says', () => {
    const input = {
      metadata: {
        name: 'web.1',
        namespace: 'shop',
        uid: 'own-uid',
        labels: { app: 'web' },
        annotations: { note: 'hi' },
      },
      spec: {
        ports: [{ name: 'grpc', containerPort: 7000, protocol: 'UDP' }],
        nodeName: 'node-1.example.com',
        zone: 'Zone_1',
        hostname: 'web-1',
        subdomain: 'peers',
        weight: 0,
      },
      status: {
        podIPs: ['127.0.0.1', 'fd00::1'],
        phase: 'Pending',
        ready: false,
        terminating: true,
      },
    }
    expect(admitPod(input, undefined, fresh)).toMatchObject(input)
  })

  it('takes empty texts for what is not said', () => {
    const input = {
      metadata: { name: 'web-1', namespace: '', uid: '' },
      spec: { ports: [{ name: '', containerPort: 80, protocol: '' }] },
      status: { phase: '' },
    }
    expect(admitPod(input, undefined, fresh)).toMatchObject({
      metadata: { namespace: 'default', uid: 'fresh-uid' },
      spec: { ports: [{ name: '', containerPort: 80, protocol: 'TCP' }] },
      status: { phase: 'Running' },
    })
  })

  it.each([
    [{ metadata: { name: '' } }, 'metadata.name: Required value'],
    [{ metadata: { name: 'a/b' } }, 'metadata.name: Invalid value: "a/b": a lowercase RFC 1123'],
    [
      { metadata: { name: 'a', namespace: 'a.b' } },
      'metadata.namespace: Invalid value: "a.b": must not contain dots',
    ],
    [{ metadata: { name: 'a', labels: { 'a b': '' } } }, 'metadata.labels: Invalid value: "a b": '],
    [
      { metadata: { name: 'a', uid: 'u'.repeat(129) } },
      'metadata.uid: Too long: may not be more than 128 bytes',
    ],
    [{ spec: { ports: ports(101) } }, 'spec.ports: Too many: 101: must have at most 100 items'],
    [{ spec: { ports: [{}] } }, 'spec.ports[0].containerPort: Required value'],
    [
      { spec: { ports: [{ containerPort: 1 }, { containerPort: 65_536 }] } },
      'spec.ports[1].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      { spec: { ports: [{ containerPort: -1 }] } },
      'spec.ports[0].containerPort: Invalid value: -1: must be between 1 and 65535, inclusive',
    ],
    [
      { spec: { ports: [{ containerPort: 1, protocol: 'tcp' }] } },
      'spec.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      { spec: { ports: [{ name: 'sixteen-letters1', containerPort: 1 }] } },
      'spec.ports[0].name: Invalid value: "sixteen-letters1": must be no more than 15 characters',
    ],
    [
      {
        spec: {
          ports: [
            { name: 'a', containerPort: 1 },
            { name: 'a', containerPort: 2 },
          ],
        },
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      { spec: { nodeName: 'a_b' } },
      'spec.nodeName: Invalid value: "a_b": a lowercase RFC 1123 sub',
    ],
    [{ spec: { zone: 'a b' } }, 'spec.zone: Invalid value: "a b": a valid label must be'],
    [{ spec: { hostname: 'a.b' } }, 'spec.hostname: Invalid value: "a.b": must not contain dots'],
    [
      { spec: { subdomain: 'A' } },
      'spec.subdomain: Invalid value: "A": a lowercase RFC 1123 label',
    ],
    [
      { spec: { weight: 10_001 } },
      'spec.weight: Invalid value: 10001: must be between 0 and 10000, inclusive',
    ],
    [
      { spec: { weight: -1 } },
      'spec.weight: Invalid value: -1: must be between 0 and 10000, inclusive',
    ],
    [
      { status: { phase: 'Ready' } },
      'status.phase: Unsupported value: "Ready": supported values: "Failed", "Pending", "Running", "Succeeded", "Unknown"',
    ],
    [
      { status: { podIPs: ['10.0.0.1', '::'] } },
      'status.podIPs[1]: Invalid value: "::": may not be unspecified (::)',
    ],
    [
      { status: { podIPs: ['10.0.0.1', '10.0.0.2'] } },
      'status.podIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
    ],
    [
      { status: { podIPs: ['fd00::1', 'fd00::2'] } },
      'status.podIPs: Invalid value: ["fd00::1","fd00::2"]: may specify no more than one IP for each IP family',
    ],
    [
      { status: { podIPs: ['10.0.0.1', 'fd00::1', 'fd00::2'] } },
      'status.podIPs: Invalid value: ["10.0.0.1","fd00::1","fd00::2"]: may specify no more than one IP for each IP family',
    ],
  ])('refuses %j', (input, expected) => {
    expect(problemsWith(input as Partial<PodInput>)).toEqual([expect.stringContaining(expected)])
  })

  it('takes 100 ports, of which any number may have no name', () => {
    const unnamed = ports(100).map((port, i) => (i % 2 === 0 ? port : { ...port, name: '' }))
    expect(problemsWith({ spec: { ports: unnamed } })).toEqual([])
  })

  it('reports every bad field at once', () => {
    const input = {
      spec: { ports: [{ name: 'A', protocol: 'x' }], weight: 1.5 },
      status: { phase: 'x', podIPs: ['x'] },
    }
    expect(problemsWith(input).map((p) => p.split(':')[0])).toEqual([
      'spec.ports[0].name',
      'spec.ports[0].name',
      'spec.ports[0].containerPort',
      'spec.ports[0].protocol',
      'spec.weight',
      'status.phase',
      'status.podIPs[0]',
    ])
  })

  it('gives the same pod when it registers again as it stands', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/)
    const input = fc.record({
      metadata: fc.record({ name, namespace: name, uid: name, labels: fc.dictionary(name, name) }),
      spec: fc.record({
        ports: fc.uniqueArray(
          fc.record({ name, containerPort: fc.integer({ min: 1, max: 65_535 }) }),
          { selector: (p) => p.name, maxLength: 4 },
        ),
        weight: fc.option(fc.integer({ min: 0, max: 10_000 }), { nil: undefined }),
      }),
      status: fc.record({
        podIPs: fc.subarray(['10.0.0.1', 'fd00::1']),
        ready: fc.option(fc.boolean(), { nil: undefined }),
        terminating: fc.boolean(),
      }),
    })
    fc.assert(
      fc.property(input, (pod) => {
        const first = admitPod(pod, undefined, fresh)
        expect(admitPod(first, first, { ...later, leaseId: fresh.leaseId })).toEqual(first)
      }),
    )
  })
})

describe('a pod that registers again', () => {
  const old = admitPod({ metadata: { name: 'web-1', uid: 'own' } }, undefined, fresh)

  it('keeps its creation and transition times under the same uid', () => {
    const pod = admitPod({ metadata: { name: 'web-1', uid: 'own' } }, old, later)
    expect([pod.metadata.creationTimestamp, pod.status.lastTransitionTime]).toEqual([
      fresh.now,
      fresh.now,
    ])
  })

  it('is of the new lease', () => {
    const pod = admitPod({ metadata: { name: 'web-1', uid: 'own' } }, old, later)
    expect(pod.status.leaseId).toBe('lease-2')
  })

  it('has a new transition time when its readiness is another', () => {
    const input = { metadata: { name: 'web-1', uid: 'own' }, status: { ready: false } }
    const pod = admitPod(input, old, later)
    expect([pod.metadata.creationTimestamp, pod.status.lastTransitionTime]).toEqual([
      fresh.now,
      later.now,
    ])
  })

  it('starts a life of its own under another uid', () => {
    const pod = admitPod({ metadata: { name: 'web-1' } }, old, later)
    expect([pod.metadata, pod.status.lastTransitionTime]).toEqual([
      { ...old.metadata, uid: 'later-uid', creationTimestamp: later.now },
      later.now,
    ])
  })
})

describe('updatePodStatus', () => {
  const pod: Pod = admitPod({ metadata: { name: 'web-1' } }, undefined, fresh)

  it.each([
    {},
    { ready: true },
    { ready: undefined, phase: undefined },
    { terminating: false, phase: 'Running', weight: 100 },
  ])('answers the very same pod for %j', (patch) => {
    expect(updatePodStatus(pod, patch, later.now)).toBe(pod)
  })

  it('notes when readiness changed', () => {
    expect(updatePodStatus(pod, { ready: false }, later.now)).toEqual({
      ...pod,
      status: { ...pod.status, ready: false, lastTransitionTime: later.now },
    })
  })

  it('leaves the transition time to readiness alone', () => {
    expect(updatePodStatus(pod, { terminating: true, phase: 'Failed' }, later.now)).toEqual({
      ...pod,
      status: { ...pod.status, terminating: true, phase: 'Failed' },
    })
  })

  it('changes the weight in the spec', () => {
    expect(updatePodStatus(pod, { weight: 0 }, later.now)).toEqual({
      ...pod,
      spec: { ...pod.spec, weight: 0 },
    })
  })

  it('refuses an unknown phase and a weight out of range', () => {
    const fields = violationsOf(() => updatePodStatus(pod, { phase: '', weight: -1 }, later.now))
    expect(fields).toEqual([
      expect.stringContaining('status.phase: Unsupported value: ""'),
      'spec.weight: Invalid value: -1: must be between 0 and 10000, inclusive',
    ])
  })
})

describe('validateOverride', () => {
  it.each([
    { maintenance: true },
    { maintenance: false, weight: 0 },
    { maintenance: false, weight: 10_000 },
  ])('takes %j', (override) => {
    expect(violationsOf(() => validateOverride(override))).toEqual([])
  })

  it('refuses a weight out of range', () => {
    const act = () => validateOverride({ maintenance: false, weight: 10_001 })
    expect(violationsOf(act)).toEqual([
      'override.weight: Invalid value: 10001: must be between 0 and 10000, inclusive',
    ])
  })
})
