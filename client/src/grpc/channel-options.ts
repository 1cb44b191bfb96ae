import type { ChannelOptions } from '@grpc/grpc-js'
import type { CheckedPreferences } from '../call-settings.ts'
import type { EndpointSource } from '../endpoint-source.ts'
import { MAX_TIMER_MS } from '../retry.ts'
import { SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX } from './adapter.ts'

/**
 * Option that carries the connection to the registry to the resolver. The prefix
 * keeps it out of what makes two connections to a backend different.
 */
export const SOURCE_OPTION = `${SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.roster`

/** Option that carries what is wanted of the calls of this channel alone. */
export const PREFERENCES_OPTION = `${SUBCHANNEL_ARGS_EXCLUDE_KEY_PREFIX}.roster_preferences`

/** Options of a channel to a service, over which the caller's own win. */
const channelDefaults: Readonly<ChannelOptions> = {
  // An http_proxy in the environment would take over the target.
  'grpc.enable_http_proxy': 0,
  // Its books grow with every channel, and nobody reads them.
  'grpc.enable_channelz': 0,
  // Never. An idle channel would pay for
  // resolution and connection with the latency of its next call.
  'grpc.client_idle_timeout_ms': MAX_TIMER_MS,
  // A backend that restarts is back in milliseconds; the default waits up to 2 minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5_000,
}

export const channelOptions = (
  source: EndpointSource,
  own: ChannelOptions = {},
  preferences: CheckedPreferences = {},
): ChannelOptions => ({
  ...channelDefaults,
  ...own,
  [SOURCE_OPTION]: source,
  [PREFERENCES_OPTION]: preferences,
})
