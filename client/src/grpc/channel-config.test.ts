import { Metadata } from '@grpc/grpc-js'
import type { Service__Output } from '@roster/proto'
import { describe, expect, it } from 'vitest'
import { endpointAt } from '../../../test/support/hand-fed-source.ts'
import type { EndpointSet } from '../endpoint-set.ts'
import type { RosterEvent } from '../events.ts'
import { ChannelConfig } from './channel-config.ts'

const service = { namespace: 'shop', service: 'web' }
const setWith = (annotations: Record<string, string>, ...notIdempotent: string[]): EndpointSet => ({
  ...service,
  revision: 1,
  definition: { metadata: { annotations }, spec: null, status: null } as Service__Output,
  endpoints: [endpointAt({ name: 'a', port: 1 }, { notIdempotentMethods: notIdempotent })],
  emptyReason: 'EMPTY_REASON_UNSPECIFIED',
  hash: 1,
})

/** The config of a channel, and what it reports. */
function channelConfig() {
  const events: RosterEvent[] = []
  const onEvent = (event: RosterEvent) => events.push(event)
  const consumer = { name: 'me', preferences: {}, onEvent }
  return { config: new ChannelConfig({ service, consumer, preferences: {} }), events }
}
const policyOf = ({ serviceConfig }: ChannelConfig) =>
  (serviceConfig.loadBalancingConfig[0] as { roster: { policy: string } }).roster.policy

describe('the config of a channel', () => {
  it('is the same object as long as nothing in it changes', () => {
    const { config } = channelConfig()
    config.update(setWith({ 'roster.dev/retry': 'off' }, 'a.B/C'))
    const before = config.serviceConfig
    config.update(setWith({ 'roster.dev/retry': 'off', unrelated: 'news' }, 'a.B/C'))
    expect(config.serviceConfig).toBe(before)
  })

  it('follows the annotations of the service', () => {
    const { config } = channelConfig()
    config.update(setWith({ 'roster.dev/load-balancing': 'weighted' }))
    expect(policyOf(config)).toBe('weighted')
    config.update(setWith({}))
    expect(policyOf(config)).toBe('peak_ewma')
  })

  it('leaves out the retries of methods that any endpoint calls not idempotent', () => {
    const { config } = channelConfig()
    const isRetried = () =>
      config.selector.invoke('/a.B/C', new Metadata()).methodConfig.retryPolicy !== undefined
    config.update(setWith({}))
    expect(isRetried()).toBe(true)
    config.update(setWith({}, 'a.B/C'))
    expect(isRetried()).toBe(false)
  })

  it('stays as it is when an annotation becomes wrong, and reports it', () => {
    const { config, events } = channelConfig()
    config.update(setWith({ 'roster.dev/load-balancing': 'weighted' }))
    config.update(setWith({ 'roster.dev/load-balancing': 'random' }))
    expect(policyOf(config)).toBe('weighted')
    expect(events).toEqual([
      expect.objectContaining({
        type: 'annotation_ignored',
        ...service,
        annotation: 'roster.dev/load-balancing',
      }),
    ])
  })
})
