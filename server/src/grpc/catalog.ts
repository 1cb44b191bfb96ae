import type { CatalogService } from '@roster/proto'
import type { ServiceImplementation } from 'nice-grpc'
import { notFound } from '../registry/commits.ts'
import type { Services } from '../registry/services.ts'
import type { View } from '../registry/view.ts'
import { causeOf } from './caller.ts'
import { pageOf } from './paging.ts'
import { keyFrom } from './wire/meta.ts'
import { serviceFrom, serviceStatusFrom, serviceTo } from './wire/service.ts'

/** roster.v1.CatalogService. */
export const catalogService = (
  view: View,
  services: Services,
): ServiceImplementation<typeof CatalogService> => ({
  async applyService(request, context) {
    const { stored, outcome } = await services.apply(serviceFrom(request.service), {
      ...(request.expectedRevision !== undefined && { expected: request.expectedRevision }),
      isDryRun: request.dryRun,
      cause: causeOf(context, 'apply'),
    })
    return { service: serviceTo(stored), outcome: `APPLY_OUTCOME_${outcome}` }
  },

  async getService(request) {
    const key = keyFrom(request)
    const stored = view.services.get(key)
    if (stored === undefined) throw notFound(`service ${key}`)
    return { service: serviceTo(stored) }
  },

  async updateServiceStatus(request, context) {
    const status = serviceStatusFrom(request.status)
    const cause = causeOf(context, 'status')
    const key = keyFrom(request)
    const stored = await services.updateStatus(key, status, request.expectedRevision, cause)
    return { service: serviceTo(stored) }
  },

  async listServices(request) {
    const page = pageOf(view.services, request, ({ object }) => object)
    return {
      services: page.items.map(serviceTo),
      nextPageToken: page.next,
      revision: view.revision,
    }
  },

  async deleteService(request, context) {
    const cause = causeOf(context, 'delete')
    return { revision: await services.delete(keyFrom(request), request.expectedRevision, cause) }
  },
})
