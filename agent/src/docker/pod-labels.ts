/** Most labels the registry takes of one object. */
const MAX_LABELS = 64
/** A label longer than this says nothing to a service registry, in characters. */
const MAX_ANNOTATION_CHARACTERS = 4_096

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const SUBDOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

/**
 * The labels of a container as labels of its pod, those Kubernetes would refuse as
 * annotations, and those neither can hold not at all
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
 * What is in `added` is so unless the container says otherwise.
 */
export function podLabels(
  given: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>>,
): { labels: Record<string, string>; annotations: Record<string, string> } {
  const own = Object.entries(added).filter(([key]) => !isLabel(key, given[key]))
  const labels = Object.fromEntries(own.filter(([key, value]) => isLabel(key, value)))
  const annotations: Record<string, string> = {}
  const places = MAX_LABELS - Object.keys(labels).length
  let taken = 0
  for (const [key, value] of Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (isLabel(key, value) && taken < places) {
      labels[key] = value
      taken++
    } else if (isQualifiedName(key) && value.length <= MAX_ANNOTATION_CHARACTERS) {
      annotations[key] = value
    }
  }
  return { labels, annotations }
}

const isLabel = (key: string, value: string | undefined): boolean =>
  value !== undefined && (value === '' || NAME.test(value)) && isQualifiedName(key)

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/')
  return NAME.test(key.slice(slash + 1)) && (slash === -1 || SUBDOMAIN.test(key.slice(0, slash)))
}
