import { type ChannelOptions, Metadata, status } from '@grpc/grpc-js'
import type { CheckedPreferences } from '../call-settings.ts'
import { chooseEndpoints } from '../endpoint-choice.ts'
import { portOf, whyNoPort } from '../endpoint-port.ts'
import type { Endpoint } from '../endpoint-set.ts'
import type { EndpointSource, EndpointState } from '../endpoint-source.ts'
import { processWide } from '../process-wide.ts'
import { RosterError } from '../roster-error.ts'
import { subsetOf } from '../subset.ts'
import {
  CHANNEL_ARGS_CONFIG_SELECTOR_KEY,
  type GrpcEndpoint,
  type GrpcUri,
  type Resolver,
  type ResolverListener,
  statusOrFromError,
  statusOrFromValue,
} from './adapter.ts'
import { ChannelConfig } from './channel-config.ts'
import { PREFERENCES_OPTION, SOURCE_OPTION } from './channel-options.ts'
import { parseTargetParts, type Target } from './target.ts'

/**
 * An endpoint on its way through grpc-js to the policy. What the registry says of
 * it rides on the object, which grpc-js passes on untouched; among the attributes
 * it would count as a different connection every time.
 */
export interface ResolvedEndpoint extends GrpcEndpoint {
  readonly endpoint: Endpoint
}

/** Connections to registries that are open, for targets that name none or one by address. */
export const openSources = processWide('openSources', () => new Set<EndpointSource>())

/** Pushes the endpoints of one service into one channel (gRFC A24-style push resolver). */
export class RosterResolver implements Resolver {
  readonly #target: Target
  readonly #source: EndpointSource
  readonly #listener: ResolverListener
  readonly #config: ChannelConfig
  #unsubscribe: (() => void) | undefined

  constructor(uri: GrpcUri, listener: ResolverListener, options: ChannelOptions) {
    this.#target = parseTargetParts(uri.authority ?? '', uri.path)
    this.#source = chooseSource(this.#target, options[SOURCE_OPTION])
    this.#config = new ChannelConfig({
      service: this.#target,
      consumer: this.#source.consumer,
      preferences: (options[PREFERENCES_OPTION] as CheckedPreferences | undefined) ?? {},
    })
    this.#listener = listener
  }

  /** Name that a certificate of the service must have. */
  static getDefaultAuthority(uri: GrpcUri): string {
    const { namespace, service } = parseTargetParts(uri.authority ?? '', uri.path)
    return `${service}.${namespace}`
  }

  /** Called at the start, after idleness, and at every request to resolve again: mostly no news. */
  updateResolution(): void {
    this.#unsubscribe ??= this.#source.subscribe(this.#target, (state) => this.#push(state))
  }

  destroy(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
  }

  #push({ set, error }: EndpointState): void {
    if (set === undefined) {
      const details = `nothing is known of ${this.#target.namespace}/${this.#target.service}: ${error?.message ?? 'no answer'}`
      const failure = { code: status.UNAVAILABLE, details, metadata: new Metadata() }
      this.#tell(statusOrFromError(failure), details)
      return
    }
    this.#config.update(set)
    const { consumer } = this.#source
    const { endpoints, reason } = chooseEndpoints(set, consumer)
    const resolved = endpoints.flatMap((endpoint) => {
      const port = portOf(set, endpoint, this.#target.port)
      return port === undefined ? [] : [resolvedEndpoint(endpoint, port)]
    })
    const size = this.#config.subsetSize ?? resolved.length
    const subset = subsetOf(resolved, {
      idOf: ({ endpoint }) => endpoint.id,
      client: consumer.name,
      size,
    })
    const service = `service ${set.namespace}/${set.service}`
    const unusable = reason ?? whyNoPort(set, this.#target.port)
    this.#tell(statusOrFromValue([...subset]), subset.length > 0 ? service : unusable)
  }

  #tell(endpoints: Parameters<ResolverListener>[0], note: string): void {
    const { selector, serviceConfig } = this.#config
    const attributes = { [CHANNEL_ARGS_CONFIG_SELECTOR_KEY]: selector }
    this.#listener(endpoints, attributes, statusOrFromValue(serviceConfig), note)
  }
}

const resolvedEndpoint = (endpoint: Endpoint, port: number): ResolvedEndpoint => ({
  addresses: endpoint.addresses.map((host) => ({ host, port })),
  endpoint,
})

/**
 * The connection a target is resolved by: the one whose options the channel has,
 * or the one the target names, or the only one there is.
 */
function chooseSource(target: Target, own: EndpointSource | undefined): EndpointSource {
  if (target.registry !== '') {
    const candidates = own ? [own, ...openSources] : [...openSources]
    const named = candidates.find((source) => source.address === target.registry)
    if (named) return named
    throw new RosterError(
      'FAILED_PRECONDITION',
      `no connection to registry ${target.registry}: call connectRoster('${target.registry}') first`,
    )
  }
  if (own) return own
  const [only, ...others] = openSources
  if (only && others.length === 0) return only
  throw new RosterError(
    'FAILED_PRECONDITION',
    `${openSources.size} registries are connected, so target ${target.namespace}/${target.service} is ambiguous: pass roster.channelOptions() to the client, or name the registry as in roster://host:7400/${target.namespace}/${target.service}`,
  )
}
