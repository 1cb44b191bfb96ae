import type { Digest } from './encoder.ts'
import type { EndpointSet } from './endpoint-set.ts'
import type { Watcher } from './watcher.ts'

/** What a bookmark says of each of a watcher's subscriptions; `flush` sends what is unsent of a set. */
export function digestsOf(watcher: Watcher, flush: (set: EndpointSet) => void): readonly Digest[] {
  const digests: Digest[] = []
  for (const set of watcher.named) {
    flush(set)
    digests.push({ namespace: set.namespace, service: set.name, hash: set.hash, services: 1 })
  }
  for (const { namespace, sets } of watcher.scopes?.values() ?? []) {
    let hash = 0
    for (const set of sets) {
      flush(set)
      hash = (hash + set.hash) >>> 0
    }
    digests.push({ namespace, service: '', hash, services: sets.size })
  }
  return digests
}
