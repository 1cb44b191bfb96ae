import { expect } from 'vitest'
import type { Endpoint } from '../../server/src/model/endpoints.ts'
import type { Digest, EventEncoder } from '../../server/src/registry/encoder.ts'
import { hashOf } from './world.ts'

/** What a hub tells, as the encoder writes it. */
type Event =
  | { snapshot: true; key: string; endpoints: Endpoint[]; reason?: string; revision: number }
  | {
      change: true
      key: string
      added: Endpoint[]
      changed: Endpoint[]
      removed: string[]
      hash: number
      revision: number
    }
  | { bookmark: readonly Digest[]; revision: number; storeId: string }

const write = (event: object): Buffer => Buffer.from(JSON.stringify(event))

/** Writes what a hub tells as JSON. */
export const encoder: EventEncoder = {
  snapshot: (set, revision) =>
    write({
      snapshot: true,
      key: `${set.namespace}/${set.name}`,
      endpoints: [...set.endpoints()],
      reason: set.emptyReason,
      revision,
    }),
  change: (set, difference, revision) =>
    write({
      change: true,
      key: `${set.namespace}/${set.name}`,
      ...difference,
      hash: set.hash,
      revision,
    }),
  bookmark: (digests, revision, storeId) => write({ bookmark: digests, revision, storeId }),
}

/** A client that trusts nothing: every message must fit what it already has. */
export class StrictClient {
  readonly sets = new Map<string, Map<string, Endpoint>>()
  readonly revisions = new Map<string, number>()
  readonly reasons = new Map<string, string | undefined>()
  bookmarks: Event[] = []
  received = 0
  isReading = true

  send(bytes: Buffer): boolean {
    this.received++
    const event = JSON.parse(bytes.toString()) as Event
    if ('bookmark' in event) {
      this.bookmarks.push(event)
      for (const { namespace, service, hash } of event.bookmark) {
        let sum = 0
        for (const [key, set] of this.sets) {
          const isCovered =
            service === ''
              ? namespace === '' || key.startsWith(`${namespace}/`)
              : key === `${namespace}/${service}`
          if (isCovered) sum = (sum + hashOf(set.values())) >>> 0
        }
        expect(sum).toBe(hash)
      }
      return this.isReading
    }
    expect(event.revision).toBeGreaterThanOrEqual(this.revisions.get(event.key) ?? 0)
    this.revisions.set(event.key, event.revision)
    if ('snapshot' in event) {
      this.sets.set(event.key, new Map(event.endpoints.map((e) => [e.id, e])))
      this.reasons.set(event.key, event.reason)
      return this.isReading
    }
    const set = this.sets.get(event.key)
    if (set === undefined) throw new Error(`a change of ${event.key}, which was never sent whole`)
    for (const id of event.removed) expect(set.delete(id)).toBe(true)
    for (const endpoint of event.added) {
      expect(set.has(endpoint.id)).toBe(false)
      set.set(endpoint.id, endpoint)
    }
    for (const endpoint of event.changed) {
      expect(set.has(endpoint.id)).toBe(true)
      set.set(endpoint.id, endpoint)
    }
    expect(hashOf(set.values())).toBe(event.hash)
    return this.isReading
  }

  end(): void {
    this.isReading = false
  }
}
