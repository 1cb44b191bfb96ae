import type { Labels } from '../model/meta.ts'
import { matchesAll, type Requirement } from '../model/selector.ts'

/** Something that chooses by labels: a service. */
export interface Chooser {
  readonly namespace: string
  readonly requirements: readonly Requirement[]
}

/** Something that is chosen by its labels: a pod. */
export interface Chosen {
  readonly namespace: string
  readonly labels: Labels
}

/**
 * Which services a pod belongs to and which pods a service has, without looking
 * at all of either. Each service is filed under one label its selector demands,
 * the one that fewest services share; a pod is filed under every label it has.
 * Cost of a question: the candidates that share a label, not the whole.
 */
export class Membership<S extends Chooser, P extends Chosen> {
  readonly #services = new Map<string, Set<S>>()
  readonly #filedUnder = new Map<S, readonly string[]>()
  readonly #pods = new Map<string, Set<P>>()

  addService(service: S): void {
    const places = this.#placesOf(service)
    this.#filedUnder.set(service, places)
    for (const place of places) add(this.#services, place, service)
  }

  removeService(service: S): void {
    for (const place of this.#filedUnder.get(service) ?? []) remove(this.#services, place, service)
    this.#filedUnder.delete(service)
  }

  addPod(pod: P): void {
    add(this.#pods, anywhere(pod.namespace), pod)
    for (const key in pod.labels) add(this.#pods, placeOf(pod.namespace, key, pod.labels[key]), pod)
  }

  removePod(pod: P): void {
    remove(this.#pods, anywhere(pod.namespace), pod)
    for (const key in pod.labels) {
      remove(this.#pods, placeOf(pod.namespace, key, pod.labels[key]), pod)
    }
  }

  /** The services whose selector chooses the pod. */
  servicesOf(pod: P): S[] {
    const found: S[] = []
    const look = (place: string) => {
      for (const service of this.#services.get(place) ?? []) {
        if (matchesAll(service.requirements, pod.labels) && !found.includes(service)) {
          found.push(service)
        }
      }
    }
    for (const key in pod.labels) look(placeOf(pod.namespace, key, pod.labels[key]))
    look(anywhere(pod.namespace))
    return found
  }

  /** The pods the service's selector chooses. */
  podsOf(service: S): P[] {
    let candidates: Iterable<P> = []
    let fewest = Number.POSITIVE_INFINITY
    for (const places of [...demands(service), [anywhere(service.namespace)]]) {
      const sets = places.map((place) => this.#pods.get(place)).filter((set) => set !== undefined)
      const count = sets.reduce((sum, set) => sum + set.size, 0)
      if (count < fewest) {
        fewest = count
        candidates = sets.flatMap((set) => [...set])
      }
    }
    const found = new Set<P>()
    for (const pod of candidates) {
      if (matchesAll(service.requirements, pod.labels)) found.add(pod)
    }
    return [...found]
  }

  #placesOf(service: S): readonly string[] {
    let best: readonly string[] = [anywhere(service.namespace)]
    let fewest = Number.POSITIVE_INFINITY
    for (const places of demands(service)) {
      const count = places.reduce((sum, p) => sum + (this.#services.get(p)?.size ?? 0), 0)
      if (count < fewest) {
        fewest = count
        best = places
      }
    }
    return best
  }
}

/** For each requirement that names values, the places one of which a chosen pod must be in. */
function demands(service: Chooser): string[][] {
  return service.requirements
    .filter(({ operator }) => operator === 'In')
    .map(({ key, values }) => values.map((value) => placeOf(service.namespace, key, value)))
}

const placeOf = (namespace: string, key: string, value = ''): string =>
  `${namespace}/${key}=${value}`

/** Where those go that no single label decides. No label key is empty, so it collides with none. */
const anywhere = (namespace: string): string => `${namespace}/`

function add<T>(index: Map<string, Set<T>>, place: string, item: T): void {
  const set = index.get(place)
  if (set === undefined) index.set(place, new Set([item]))
  else set.add(item)
}

function remove<T>(index: Map<string, Set<T>>, place: string, item: T): void {
  const set = index.get(place)
  if (set?.delete(item) === true && set.size === 0) index.delete(place)
}
