import type {
  ContainerPort,
  ContainerPort__Output,
  Pod,
  Pod__Output,
  PodSpec__Output,
} from '@roster/proto'
import { rfc3339 } from '../print/timestamp.ts'
import type { Fields } from './fields.ts'
import { type Manifest, present, telling } from './manifest.ts'
import { type ManifestMeta, metaManifest, metaMessage } from './meta.ts'
import { parseReadinessProbe, probeManifest } from './probe.ts'

/** Label of a node that names its zone (k8s.io/api core/v1 well_known_labels.go). */
const ZONE_LABEL = 'topology.kubernetes.io/zone'

/**
 * Annotations that carry what a Kubernetes Pod has no field for. They are taken
 * off a manifest that is read; lease and weight override are told, never read.
 */
const OWN = 'roster.dev/'
const WEIGHT = `${OWN}weight`
const ZONE = `${OWN}zone`
const LEASE = `${OWN}lease`
const WEIGHT_OVERRIDE = `${OWN}weight-override`
const NOT_IDEMPOTENT = `${OWN}not-idempotent-methods`
const OWN_ANNOTATIONS = [WEIGHT, ZONE, LEASE, WEIGHT_OVERRIDE, NOT_IDEMPOTENT]

/** Conditions beyond Kubernetes' Ready and those of the registry; the first alone is read. */
const TERMINATING = `${OWN}Terminating`
const DISCONNECTED = `${OWN}Disconnected`
const HELD = `${OWN}Held`
const MAINTENANCE = `${OWN}Maintenance`

/** Weight of a pod that names none. */
const DEFAULT_WEIGHT = 100

/**
 * The message of a Pod manifest (core/v1), with every default filled in. What a
 * pod is besides its name, labels, ports and addresses (images, volumes) has no
 * meaning here and is passed over.
 */
export function parsePod(manifest: Fields, meta: ManifestMeta): Pod {
  const spec = manifest.object('spec')
  const status = manifest.object('status')
  const { annotations } = meta
  const readinessProbe = spec && parseReadinessProbe(spec)
  const own = Object.entries(annotations).filter(([key]) => !OWN_ANNOTATIONS.includes(key))
  return {
    metadata: { ...metaMessage(meta), uid: meta.uid, annotations: Object.fromEntries(own) },
    spec: {
      ports: spec === undefined ? [] : parsePorts(spec),
      nodeName: spec?.text('nodeName') ?? '',
      zone: annotations[ZONE] ?? meta.labels[ZONE_LABEL] ?? '',
      hostname: spec?.text('hostname') ?? '',
      subdomain: spec?.text('subdomain') ?? '',
      weight: parseWeight(manifest, annotations[WEIGHT]),
      ...present({ readinessProbe }),
      ...present({ notIdempotentMethods: parseMethods(annotations[NOT_IDEMPOTENT]) }),
    },
    status: {
      podIps: status === undefined ? [] : parseAddresses(status),
      phase: status?.text('phase') ?? 'Running',
      ready: status === undefined || (condition(status, 'Ready') ?? true),
      terminating:
        meta.terminating || (status !== undefined && condition(status, TERMINATING) === true),
    },
  }
}

/** Ports of the containers, then of the sidecars: the order in which Kubernetes looks for a name. */
function parsePorts(spec: Fields): ContainerPort[] {
  const sidecars = (spec.objects('initContainers') ?? []).filter(
    (container) => container.text('restartPolicy') === 'Always',
  )
  return [...(spec.objects('containers') ?? []), ...sidecars].flatMap((container) =>
    (container.objects('ports') ?? []).map((port) => ({
      ...present({ name: port.text('name'), containerPort: port.integer('containerPort') }),
      protocol: port.text('protocol') ?? 'TCP',
    })),
  )
}

function parseAddresses(status: Fields): string[] {
  const all = (status.objects('podIPs') ?? []).flatMap((a) => a.text('ip') ?? [])
  const one = status.text('podIP')
  return all.length > 0 || one === undefined || one === '' ? all : [one]
}

/** Whether a condition holds; undefined when nothing is said of it. */
function condition(status: Fields, type: string): boolean | undefined {
  const found = (status.objects('conditions') ?? []).find((c) => c.text('type') === type)
  return found && found.text('status') === 'True'
}

function parseWeight(manifest: Fields, text: string | undefined): number {
  if (text === undefined) return DEFAULT_WEIGHT
  if (/^\d{1,5}$/.test(text) && Number(text) <= 10_000) return Number(text)
  const problem = `expected 0 to 10000, got ${JSON.stringify(text)}`
  manifest.problem(`metadata.annotations.${WEIGHT}`, problem)
  return DEFAULT_WEIGHT
}

/** `a.B/C,a.B/D`; undefined when nothing is said. */
const parseMethods = (text: string | undefined): string[] | undefined =>
  text?.split(',').map((method) => method.trim())

/** The manifest of a pod, with what Kubernetes has no field for in annotations and conditions. */
export function podManifest(pod: Pod__Output): Manifest {
  const { metadata, spec, status } = pod
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(metadata && {
      metadata: metaManifest({
        ...metadata,
        annotations: { ...metadata.annotations, ...ownAnnotations(pod) },
      }),
    }),
    spec: telling({
      containers: [containerManifest(spec)],
      hostname: spec?.hostname,
      nodeName: spec?.nodeName,
      subdomain: spec?.subdomain,
    }),
    status: telling({
      conditions: conditionsManifest(pod),
      phase: status?.phase,
      podIP: status?.podIps[0],
      podIPs: status?.podIps.map((ip) => ({ ip })),
    }),
  }
}

/** The one container a pod here is. */
const containerManifest = (spec: PodSpec__Output | null): Manifest =>
  telling({
    name: 'main',
    ports: spec?.ports.map(portManifest),
    readinessProbe: spec?.readinessProbe && probeManifest(spec.readinessProbe),
  })

const portManifest = ({ containerPort, name, protocol }: ContainerPort__Output): Manifest =>
  telling({ containerPort, name, protocol })

function ownAnnotations({ metadata, override, spec, status }: Pod__Output): Record<string, string> {
  const zone = spec?.zone ?? ''
  const weight = spec?.weight ?? DEFAULT_WEIGHT
  return {
    ...(weight !== DEFAULT_WEIGHT && { [WEIGHT]: String(weight) }),
    ...(zone !== (metadata?.labels[ZONE_LABEL] ?? '') && { [ZONE]: zone }),
    ...(spec?.notIdempotentMethods.length && {
      [NOT_IDEMPOTENT]: spec.notIdempotentMethods.join(),
    }),
    ...(status?.leaseId && { [LEASE]: status.leaseId }),
    ...(override?.weight !== undefined && { [WEIGHT_OVERRIDE]: String(override.weight) }),
  }
}

function conditionsManifest({ override, status }: Pod__Output): readonly Manifest[] {
  const held = [
    status?.terminating === true && TERMINATING,
    status?.disconnected === true && DISCONNECTED,
    status?.held === true && HELD,
    override?.maintenance === true && MAINTENANCE,
  ].filter((type) => type !== false)
  return [
    telling({
      lastTransitionTime: rfc3339(status?.lastTransitionTime ?? null),
      status: status?.ready === false ? 'False' : 'True',
      type: 'Ready',
    }),
    ...held.map((type) => ({ status: 'True', type })),
    ...(status?.conditions ?? []).map((found) =>
      telling({
        lastTransitionTime: rfc3339(found.lastTransitionTime),
        message: found.message,
        reason: found.reason,
        status: found.status,
        type: `${OWN}${found.type}`,
      }),
    ),
  ]
}
