import type * as proto from '@roster/proto'
import type { ServiceImplementation } from 'nice-grpc'
import { RegistryError } from '../model/errors.ts'
import type { Stored } from '../model/meta.ts'
import type { Pod } from '../model/pod.ts'
import { notFound } from '../registry/commits.ts'
import type { Drains } from '../registry/drains.ts'
import type { Pods } from '../registry/pods.ts'
import type { View } from '../registry/view.ts'
import { causeOf } from './caller.ts'
import { pageOf } from './paging.ts'
import { keyFrom } from './wire/meta.ts'
import { type PodKnowledge, podFrom, podTo } from './wire/pod.ts'

/** Most pods that one RegisterPods takes: what one commit of the store port takes, rounded down. */
const MAX_BATCH = 100

/** How long a drain waits for acknowledgements, in milliseconds: when nothing is said, and at most. */
const DRAIN_TIMEOUT_MS = 5_000
const MAX_DRAIN_TIMEOUT_MS = 600_000

/** roster.v1.PodService. */
export function podService(
  view: View,
  pods: Pods,
  drains: Drains,
  known: PodKnowledge,
): ServiceImplementation<typeof proto.PodService> {
  const toMessage = (key: string, { object: pod, revision }: Stored<Pod>): proto.Pod => {
    return podTo(view.marks.factsOf(key, pod), revision, known)
  }

  return {
    async registerPod({ pod, leaseId }, context) {
      const input = podFrom(pod)
      const registered = await pods.register([input], leaseId, causeOf(context, 'register'))
      const [object] = registered.pods
      if (object === undefined) throw new Error('registered nothing')
      const stored = { object, revision: registered.revision }
      return { pod: toMessage(keyFrom(object.metadata), stored) }
    },

    async registerPods(request, context) {
      const count = request.pods.length
      if (count === 0 || count > MAX_BATCH) {
        const description = `Invalid value: ${count}: must have 1 to ${MAX_BATCH} items`
        throw new RegistryError('INVALID', `pods: ${description}`, {
          violations: [{ field: 'pods', description }],
        })
      }
      const cause = causeOf(context, 'register')
      const registered = await pods.register(request.pods.map(podFrom), request.leaseId, cause)
      return {
        uids: registered.pods.map((pod) => pod.metadata.uid),
        revision: registered.revision,
      }
    },

    async updatePodStatus(request, context) {
      const key = keyFrom(request)
      const { ready, terminating, phase, weight } = request
      const patch = { ready, terminating, phase, weight }
      const stored = await pods.updateStatus(key, request, patch, causeOf(context, 'status'))
      return { pod: toMessage(key, stored) }
    },

    async overridePod(request, context) {
      const cause = causeOf(context, request.override === null ? 'clear override' : 'override')
      const override = request.override ?? undefined
      return { revision: await pods.override(keyFrom(request), override, cause) }
    },

    async getPod(request) {
      const key = keyFrom(request)
      const entry = view.pods.get(key)
      if (entry === undefined) throw notFound(`pod ${key}`)
      return { pod: toMessage(key, entry.stored) }
    },

    async listPods(request) {
      const page = pageOf(view.pods, request, ({ stored }) => stored.object)
      return {
        pods: page.items.map(({ key, stored }) => toMessage(key, stored)),
        nextPageToken: page.next,
        revision: view.revision,
      }
    },

    async drainPod(request, context) {
      const { revision, laggards, watchers } = await drains.drain(keyFrom(request), {
        owner: request,
        timeoutMs: drainTimeoutOf(request.timeoutMs),
        signal: context.signal,
        cause: causeOf(context, 'drain'),
      })
      const lags = laggards.map(({ client, acked }) => ({ client, ackedRevision: acked }))
      return { revision, laggards: lags, watchers }
    },

    async deregisterPod(request, context) {
      const cause = causeOf(context, 'deregister')
      return { revision: await pods.deregister(keyFrom(request), request, cause) }
    },
  }
}

function drainTimeoutOf(timeoutMs: number): number {
  if (timeoutMs >= 0 && timeoutMs <= MAX_DRAIN_TIMEOUT_MS) return timeoutMs || DRAIN_TIMEOUT_MS
  const description = `Invalid value: ${timeoutMs}: must be between 0 and ${MAX_DRAIN_TIMEOUT_MS}, inclusive`
  throw new RegistryError('INVALID', `timeout_ms: ${description}`, {
    violations: [{ field: 'timeout_ms', description }],
  })
}
