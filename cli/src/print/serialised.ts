import { Document, isScalar, visit } from 'yaml'
import type { Manifest } from '../manifest/manifest.ts'

/**
 * Text that YAML 1.1, which kubectl reads, takes for a boolean, a number or a
 * time while YAML 1.2 does not: on, 1_000, 12:30, 2026-01-02. Two dots make it
 * an address.
 */
const AMBIGUOUS =
  /^(?:[yn]|yes|no|on|off|[-+]?[\d.][\d_:a-fox+-]*(?:\.[\d_e+-]*)?|\d{4}-\d\d?-\d\d?[\dtz.:\s+-]*)$/i

/** JSON, indented as kubectl does it. */
export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`

/** YAML that reads the same in its versions 1.1 and 1.2. */
export function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, (_, node) => {
    if (isScalar(node) && typeof node.value === 'string' && AMBIGUOUS.test(node.value)) {
      node.type = 'QUOTE_DOUBLE'
    }
  })
  return document.toString({ lineWidth: 0, indentSeq: false })
}

/** Several manifests as one object, a Kubernetes List. */
export const listOf = (items: readonly Manifest[]): Manifest => ({
  apiVersion: 'v1',
  items,
  kind: 'List',
  metadata: { resourceVersion: '' },
})
