import type { Picker } from '../grpc/adapter.ts'
import { LeastRequestPicker } from './least-request.ts'
import { MaglevPicker } from './maglev.ts'
import { PeakEwmaPicker } from './peak-ewma.ts'
import { PinPicker } from './pin.ts'
import type { PolicyConfig } from './policy-config.ts'
import type { ReadyEndpoint } from './ready-endpoint.ts'
import { RoundRobinPicker } from './round-robin.ts'
import type { PolicyPicker } from './slot.ts'
import { WeightedPicker } from './weighted.ts'

export type { ReadyEndpoint } from './ready-endpoint.ts'

/** A way to pick: makes the picker for the endpoints that are ready now. At least one. */
export type PickerFactory = (ready: readonly ReadyEndpoint[], config: PolicyConfig) => Picker

/**
 * The picker of the policy, with pins and avoidance. Cheap enough to be made anew at
 * every change: what endpoints have shown is in their loads.
 */
export const createPicker: PickerFactory = (ready, config) =>
  new PinPicker(policyPicker(ready, config))

function policyPicker(ready: readonly ReadyEndpoint[], config: PolicyConfig): PolicyPicker {
  switch (config.policy) {
    case 'peak_ewma':
      return new PeakEwmaPicker(ready, config)
    case 'least_request':
      return new LeastRequestPicker(ready, config)
    case 'round_robin':
      return new RoundRobinPicker(ready)
    case 'weighted':
      return new WeightedPicker(ready)
    case 'maglev':
      return new MaglevPicker(ready, config)
  }
}
