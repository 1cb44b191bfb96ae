import type { PodFacts } from '../model/endpoints.ts'
import type { Disconnected, Pod, PodOverride } from '../model/pod.ts'
import type { Probed } from '../model/probed.ts'
import type { LeaseId } from '../store/store.ts'

/** What others than a pod itself say of it: the operator, its lease's stream, its probe. */
export class PodMarks {
  /** By `namespace/name`. A mark may be there before its pod, or after it. */
  readonly overrides = new Map<string, PodOverride>()
  /** By `namespace/name`. */
  readonly probed = new Map<string, Probed>()
  readonly disconnected = new Map<LeaseId, Disconnected>()

  /** A pod with all that is said of it. */
  factsOf(key: string, pod: Pod): PodFacts {
    return {
      pod,
      override: this.overrides.get(key),
      disconnected: this.disconnected.has(pod.status.leaseId),
      probed: this.probed.get(key),
    }
  }
}
