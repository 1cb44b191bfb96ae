import type { EndpointSlice, Pod, Service } from '@roster/proto'
import { parseAllDocuments } from 'yaml'
import type { Kind } from '../kinds.ts'
import { parseEndpointSlice } from './endpoint-slice.ts'
import { Fields } from './fields.ts'
import { separateJson } from './json-stream.ts'
import { type ManifestMeta, parseMeta } from './meta.ts'
import { parsePod } from './pod.ts'
import { parseService } from './service.ts'

/** A file, or standard input, with manifests in YAML or JSON. */
export interface Source {
  /** How messages name it. */
  readonly name: string
  readonly text: string
}

interface Common {
  readonly meta: ManifestMeta
  /** `web.yaml, document 2`. */
  readonly where: string
}

/** An object of a manifest, ready to be sent. */
export type ManifestObject = Common &
  (
    | { readonly kind: 'services'; readonly message: Service }
    | { readonly kind: 'pods'; readonly message: Pod }
    | { readonly kind: 'endpointslices'; readonly message: EndpointSlice }
  )

/** What was read, and a line for everything that is wrong with it. */
export interface Manifests {
  readonly objects: readonly ManifestObject[]
  readonly problems: readonly string[]
}

/** The kinds that can be applied, by their apiVersion and kind. */
const KINDS: Readonly<Record<string, Exclude<Kind, 'endpoints'>>> = {
  'v1 Service': 'services',
  'v1 Pod': 'pods',
  'discovery.k8s.io/v1 EndpointSlice': 'endpointslices',
}

/** Reads all objects of all sources, in order. Never throws for what is in them. */
export function readManifests(sources: readonly Source[]): Manifests {
  const objects: ManifestObject[] = []
  const problems: string[] = []
  for (const source of sources) {
    for (const { where, value } of documentsOf(source, problems)) {
      const found = new Set<string>()
      objects.push(...readDocument(value, where, found))
      for (const problem of found) problems.push(`${where}: ${problem}`)
    }
  }
  return { objects, problems }
}

interface Located {
  readonly where: string
  readonly value: unknown
}

/** The documents of a source that hold something, with those of its lists each for itself. */
function* documentsOf(source: Source, problems: string[]): Generator<Located> {
  const parsed = parseAllDocuments(separateJson(source.text))
  for (const [i, document] of ('empty' in parsed ? [] : parsed).entries()) {
    const where = `${source.name}, document ${i + 1}`
    try {
      const [error] = document.errors
      if (error !== undefined) throw error
      yield* itemsOf({ where, value: document.toJS() })
    } catch (cause) {
      // Bad syntax, or aliases that unfold to more than the parser allows.
      const message = cause instanceof Error ? cause.message : String(cause)
      // The first line says what and where; the others draw a picture of it.
      problems.push(`${where}: ${message.split('\n', 1)[0]?.replace(/:$/, '')}`)
    }
  }
}

function itemsOf({ where, value }: Located): readonly Located[] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object' || !('items' in value) || !('kind' in value)) {
    return [{ where, value }]
  }
  if (value.kind !== 'List' || !Array.isArray(value.items)) return [{ where, value }]
  return value.items.flatMap((item, i) => itemsOf({ where: `${where}, items[${i}]`, value: item }))
}

function readDocument(
  value: unknown,
  where: string,
  problems: Set<string>,
): readonly ManifestObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.add('expected an object with apiVersion, kind and metadata')
    return []
  }
  const manifest = new Fields({ ...value }, problems)
  const type = `${manifest.text('apiVersion') ?? ''} ${manifest.text('kind') ?? ''}`
  const kind = KINDS[type]
  if (kind === undefined) {
    problems.add(
      `there is no kind "${type.trim()}" here: one of ${Object.keys(KINDS).join(', ')}, v1 List`,
    )
    return []
  }
  const metadata = manifest.object('metadata')
  if (metadata === undefined) {
    manifest.problem('metadata', 'required')
    return []
  }
  const common = { where, meta: parseMeta(metadata) }
  if (kind === 'pods') return [{ ...common, kind, message: parsePod(manifest, common.meta) }]
  const object: ManifestObject =
    kind === 'services'
      ? { ...common, kind, message: parseService(manifest, common.meta) }
      : { ...common, kind, message: parseEndpointSlice(manifest, common.meta) }
  metadata.refuseOthers()
  manifest.refuseOthers()
  return [object]
}
