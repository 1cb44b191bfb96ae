import type { CheckedPreferences } from './call-settings.ts'
import type { Place } from './endpoint-choice.ts'
import type { EventListener } from './events.ts'

/** The process that calls services. */
export interface Consumer extends Place {
  /** Name it is listed under among the watchers. */
  readonly name: string
  /** How it wants its calls to be made, whatever the services say. */
  readonly preferences: CheckedPreferences
  readonly onEvent: EventListener
}
