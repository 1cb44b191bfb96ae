import type { FieldErrors } from './field-errors.ts'
import type { Labels } from './meta.ts'
import { dns1123Label, labelValue, type NameRule, qualifiedName } from './names.ts'

export { labelValue } from './names.ts'

/** Labels one object may carry. Kubernetes has no such limit; Roster indexes every label. */
const MAX_LABELS = 64
/** Bytes of all keys and values together (apimachinery TotalAnnotationSizeLimitB). */
const MAX_ANNOTATION_BYTES = 256 * 1024
const MAX_UID_BYTES = 128

/** Reports each key and value that breaks the label grammar, under the map's own field, as Kubernetes does. */
export const validateLabels = (labels: Labels, field: string, errors: FieldErrors): void => {
  for (const key in labels) {
    for (const problem of qualifiedName(key)) errors.invalid(field, key, problem)
    const value = labels[key] ?? ''
    for (const problem of labelValue(value)) errors.invalid(field, value, problem)
  }
}

/** Reports bad keys (the case of letters does not matter) and more than 256 KiB in all. */
export const validateAnnotations = (
  annotations: Labels,
  field: string,
  errors: FieldErrors,
): void => {
  let bytes = 0
  for (const key in annotations) {
    for (const problem of qualifiedName(key.toLowerCase())) errors.invalid(field, key, problem)
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] ?? '')
  }
  if (bytes > MAX_ANNOTATION_BYTES) errors.tooLong(field, MAX_ANNOTATION_BYTES)
}

/** What a caller says of an object's metadata, the namespace already defaulted. */
export interface MetaToValidate {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  readonly annotations: Labels
  readonly uid?: string
}

/** Reports what is wrong with an object's metadata; `nameRule` is that of its kind. */
export const validateObjectMeta = (
  meta: MetaToValidate,
  nameRule: NameRule,
  errors: FieldErrors,
): void => {
  validateName(meta.name, 'metadata.name', nameRule, errors)
  validateName(meta.namespace, 'metadata.namespace', dns1123Label, errors)
  validateLabels(meta.labels, 'metadata.labels', errors)
  let count = 0
  for (const _ in meta.labels) count++
  if (count > MAX_LABELS) errors.tooMany('metadata.labels', count, MAX_LABELS)
  validateAnnotations(meta.annotations, 'metadata.annotations', errors)
  if (meta.uid !== undefined && Buffer.byteLength(meta.uid) > MAX_UID_BYTES) {
    errors.tooLong('metadata.uid', MAX_UID_BYTES)
  }
}

const validateName = (value: string, field: string, rule: NameRule, errors: FieldErrors): void => {
  if (value === '') {
    errors.required(field)
    return
  }
  for (const problem of rule(value)) errors.invalid(field, value, problem)
}
