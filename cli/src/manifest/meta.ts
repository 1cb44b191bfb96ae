import type { ObjectMeta, ObjectMeta__Output } from '@roster/proto'
import { rfc3339 } from '../print/timestamp.ts'
import type { Fields } from './fields.ts'
import { type Manifest, present, telling } from './manifest.ts'

/** What a manifest says of the object as a whole. */
export interface ManifestMeta {
  readonly name: string
  /** '' where none is named. */
  readonly namespace: string
  readonly uid: string
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
  /** A deletionTimestamp stands in it. */
  readonly terminating: boolean
  /** metadata.resourceVersion: apply only if the object is still at it. */
  readonly resourceVersion?: number
}

/** Members of meta/v1 ObjectMeta that Kubernetes keeps for itself. */
const KUBERNETES_OWN = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'finalizers',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'selfLink',
]

/** Reads `metadata`; the caller decides whether to refuse what else is in it. */
export function parseMeta(fields: Fields): ManifestMeta {
  const name = fields.text('name') ?? ''
  if (name === '') fields.problem('name', 'required')
  fields.ignore(...KUBERNETES_OWN)
  return {
    name,
    namespace: fields.text('namespace') ?? '',
    uid: fields.text('uid') ?? '',
    labels: fields.textMap('labels') ?? {},
    annotations: fields.textMap('annotations') ?? {},
    terminating: fields.text('deletionTimestamp') !== undefined,
    ...present({ resourceVersion: parseResourceVersion(fields) }),
  }
}

function parseResourceVersion(fields: Fields): number | undefined {
  const text = fields.text('resourceVersion')
  if (text === undefined || text === '') return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  fields.problem(
    'resourceVersion',
    `expected the digits of a revision, got ${JSON.stringify(text)}`,
  )
  return undefined
}

/** The message of a service or slice: its uid is the registry's to make. */
export const metaMessage = (meta: ManifestMeta): ObjectMeta => ({
  name: meta.name,
  namespace: meta.namespace,
  labels: meta.labels,
  annotations: meta.annotations,
})

/** `metadata` of a manifest. */
export const metaManifest = (meta: ObjectMeta__Output): Manifest =>
  telling({
    annotations: meta.annotations,
    creationTimestamp: rfc3339(meta.creationTimestamp),
    labels: meta.labels,
    name: meta.name,
    namespace: meta.namespace,
    resourceVersion: String(meta.revision),
    uid: meta.uid,
  })
