import type { Labels, Stored } from '../model/meta.ts'
import type { Pod } from '../model/pod.ts'
import type { EndpointSet } from './endpoint-set.ts'

/** A pod as the view keeps it. */
export class PodEntry {
  readonly namespace: string
  readonly key: string
  stored: Stored<Pod>
  /** The sets it is a member of. */
  sets: readonly EndpointSet[] = []

  constructor(key: string, stored: Stored<Pod>) {
    this.namespace = stored.object.metadata.namespace
    this.key = key
    this.stored = stored
  }

  get labels(): Labels {
    return this.stored.object.metadata.labels
  }
}
