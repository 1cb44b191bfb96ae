import { FieldErrors } from './field-errors.ts'
import { resolveIPFamilies } from './ip-families.ts'
import { validateObjectMeta } from './labels.ts'
import { DEFAULT_NAMESPACE } from './meta.ts'
import { dns1035Label } from './names.ts'
import type { Service, ServiceStatus } from './service.ts'
import { type Holdings, holdingsOf, type ServiceAllocator } from './service-allocator.ts'
import { defaultService } from './service-defaults.ts'
import { sealDraft } from './service-draft.ts'
import type { ServiceInput } from './service-input.ts'
import {
  carryOver,
  dropTypeDependentFields,
  normalizeClusterIPs,
  validateServiceUpdate,
} from './service-update.ts'
import { validateService } from './service-validation.ts'

export { type ClusterRanges, ServiceAllocator } from './service-allocator.ts'

/**
 * A service that may be stored, its addresses and ports reserved. Call commit
 * once it is stored, rollback if it is not to be (a dry run, too); the first of
 * the two counts.
 */
export interface Admission {
  readonly service: Service
  /** Makes the reservations final and frees what the old service held and the new one does not. */
  commit(): void
  /** Gives back what was reserved. */
  rollback(): void
}

/** What a new object is given. */
export interface Fresh {
  readonly uid: string
  /** RFC 3339. */
  readonly now: string
}

const EMPTY_STATUS: ServiceStatus = { loadBalancer: { ingress: [] } }

/**
 * Everything between a request and what is stored: carry-over, defaults, IP
 * families, validation and allocation, as core/v1 has them. `old` is the service
 * as stored, undefined on creation. Equal input on what it led to leads to the
 * same service. Status is kept, but for the load balancer's when the type is no
 * longer LoadBalancer. Fails with INVALID and the fields at fault, or with
 * EXHAUSTED when a range is full; then nothing stays reserved.
 */
export const admitService = (
  input: ServiceInput,
  old: Service | undefined,
  allocator: ServiceAllocator,
  fresh: Fresh,
): Admission => {
  const errors = new FieldErrors()
  const { name } = input.metadata
  const metadata = admitMetadata(input.metadata, old, fresh, errors)
  const given = defaultService(input.spec)
  const patched = normalizeClusterIPs(old ? carryOver(given, old.spec) : given, old?.spec)
  const wiped = old ? dropTypeDependentFields(patched, old.spec) : patched
  const resolved = resolveIPFamilies(wiped, old?.spec, allocator.families, errors)
  if (old) validateServiceUpdate(resolved, old.spec, errors)
  validateService(metadata.annotations, resolved, errors)
  errors.throwIfAny('Service', name)

  const { draft, taken } = allocator.reserve(resolved, old?.spec, errors)
  if (errors.violations.length > 0) allocator.free(taken)
  errors.throwIfAny('Service', name)

  const spec = sealDraft(draft)
  const status = spec.type === 'LoadBalancer' && old ? old.status : EMPTY_STATUS
  const dropped = old ? without(holdingsOf(old.spec), holdingsOf(spec)) : NOTHING
  let isSettled = false
  const settle = (toFree: Holdings): void => {
    if (!isSettled) allocator.free(toFree)
    isSettled = true
  }
  return {
    service: { metadata, spec, status },
    commit: () => settle(dropped),
    rollback: () => settle(taken),
  }
}

const admitMetadata = (
  input: ServiceInput['metadata'],
  old: Service | undefined,
  fresh: Fresh,
  errors: FieldErrors,
): Service['metadata'] => {
  const metadata = {
    name: input.name,
    namespace: input.namespace || DEFAULT_NAMESPACE,
    uid: old?.metadata.uid ?? fresh.uid,
    labels: input.labels ?? {},
    annotations: input.annotations ?? {},
    creationTimestamp: old?.metadata.creationTimestamp ?? fresh.now,
  }
  validateObjectMeta(metadata, dns1035Label, errors)
  if (old && input.uid && input.uid !== old.metadata.uid) {
    errors.invalid('metadata.uid', input.uid, 'field is immutable')
  }
  return metadata
}

const NOTHING: Holdings = { addresses: [], ports: [] }

const without = (held: Holdings, kept: Holdings): Holdings => ({
  addresses: held.addresses.filter((ip) => !kept.addresses.includes(ip)),
  ports: held.ports.filter((port) => !kept.ports.includes(port)),
})
