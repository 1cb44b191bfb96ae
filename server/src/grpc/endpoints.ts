import type { EndpointService } from '@roster/proto'
import type { ServiceImplementation } from 'nice-grpc'
import { RegistryError } from '../model/errors.ts'
import { DEFAULT_NAMESPACE } from '../model/meta.ts'
import { notFound } from '../registry/commits.ts'
import type { Slices } from '../registry/slices.ts'
import type { View } from '../registry/view.ts'
import type { WatchHub } from '../registry/watch-hub.ts'
import { causeOf } from './caller.ts'
import { pageOf } from './paging.ts'
import type { PushCalls } from './push.ts'
import { checkWatchedName, watchEndpoints } from './watch.ts'
import { endpointSetTo } from './wire/events.ts'
import { keyFrom } from './wire/meta.ts'
import { sliceFrom, sliceTo } from './wire/slice.ts'

/** roster.v1.EndpointService. */
export const endpointService = (
  view: View,
  slices: Slices,
  hub: WatchHub,
  calls: PushCalls,
): ServiceImplementation<typeof EndpointService> => ({
  async resolveEndpoints({ namespace, service }) {
    if (service === '') {
      throw new RegistryError('INVALID', 'service: Required value: name the service', {
        violations: [{ field: 'service', description: 'Required value: name the service' }],
      })
    }
    checkWatchedName(namespace, service)
    const set = view.set(namespace || DEFAULT_NAMESPACE, service)
    const endpointSet = endpointSetTo(set)
    hub.releaseUnwatched(set)
    return { revision: view.revision, endpointSet }
  },

  watchEndpoints: (requests, context) => watchEndpoints(hub, calls, requests, context),

  async applyEndpointSlice(request, context) {
    const { stored, outcome } = await slices.apply(sliceFrom(request.endpointSlice), {
      ...(request.expectedRevision !== undefined && { expected: request.expectedRevision }),
      isDryRun: request.dryRun,
      cause: causeOf(context, 'apply'),
    })
    return { endpointSlice: sliceTo(stored), outcome: `APPLY_OUTCOME_${outcome}` }
  },

  async getEndpointSlice(request) {
    const key = keyFrom(request)
    const stored = view.slices.get(key)
    if (stored === undefined) throw notFound(`endpointslice ${key}`)
    return { endpointSlice: sliceTo(stored) }
  },

  async listEndpointSlices(request) {
    const page = pageOf(view.slices, request, ({ object }) => object)
    return {
      endpointSlices: page.items.map(sliceTo),
      nextPageToken: page.next,
      revision: view.revision,
    }
  },

  async deleteEndpointSlice(request, context) {
    const cause = causeOf(context, 'delete')
    return { revision: await slices.delete(keyFrom(request), request.expectedRevision, cause) }
  },
})
