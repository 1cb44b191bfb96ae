import { isDeepStrictEqual } from 'node:util'
import type { ServiceConfig } from '@grpc/grpc-js'
import { type CheckedPreferences, settingsOf } from '../call-settings.ts'
import type { Consumer } from '../consumer.ts'
import type { EndpointSet, ServiceName } from '../endpoint-set.ts'
import { AnnotationReader } from '../service-annotations.ts'
import { ScratchSelector, serviceConfigOf } from './service-config.ts'

export interface ChannelConfigOptions {
  readonly service: ServiceName
  readonly consumer: Consumer
  /** What was wanted of this channel alone. */
  readonly preferences: CheckedPreferences
}

/**
 * How the calls of one channel are made, kept up to date: what the caller wants,
 * then what the service says in its annotations, then the defaults.
 */
export class ChannelConfig {
  /** One object for the life of the channel. */
  readonly selector = new ScratchSelector()
  readonly #options: ChannelConfigOptions
  readonly #annotations: AnnotationReader
  #definition: EndpointSet['definition']
  #notIdempotent: readonly string[] = []
  #serviceConfig: ServiceConfig
  #subsetSize: number | undefined

  constructor(options: ChannelConfigOptions) {
    const { namespace, service } = options.service
    this.#options = options
    this.#annotations = new AnnotationReader((annotation, reason) =>
      options.consumer.onEvent({
        type: 'annotation_ignored',
        namespace,
        service,
        annotation,
        reason,
      }),
    )
    this.#serviceConfig = this.#take()
  }

  /** The same object for as long as nothing in it changes. */
  get serviceConfig(): ServiceConfig {
    return this.#serviceConfig
  }

  /** How many endpoints to connect to at most; undefined: no limit. */
  get subsetSize(): number | undefined {
    return this.#subsetSize
  }

  /** Takes over what a set says of its service. */
  update({ definition, endpoints }: EndpointSet): void {
    const named = new Set<string>()
    for (const endpoint of endpoints) {
      for (const method of endpoint.notIdempotentMethods) named.add(method)
    }
    const notIdempotent = [...named].sort()
    const isSame =
      definition === this.#definition && isDeepStrictEqual(notIdempotent, this.#notIdempotent)
    if (isSame) return
    this.#definition = definition
    this.#notIdempotent = notIdempotent
    const next = this.#take()
    if (!isDeepStrictEqual(next, this.#serviceConfig)) this.#serviceConfig = next
  }

  #take(): ServiceConfig {
    const { service, consumer, preferences } = this.#options
    const annotated = this.#annotations.read(this.#definition?.metadata?.annotations ?? {})
    const settings = settingsOf({
      preferences: [preferences, consumer.preferences, annotated],
      definition: this.#definition,
      notIdempotentMethods: this.#notIdempotent,
      clientIdentity: consumer.node ?? consumer.name,
    })
    const config = serviceConfigOf(settings, `${service.namespace}/${service.service}`)
    this.#subsetSize = settings.subsetSize
    this.selector.use(config.methodConfig)
    return config
  }
}
