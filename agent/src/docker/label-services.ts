import { Backoff, pause, type Roster, RosterError } from '@roster/client'
import type { Service, Service__Output } from '@roster/proto'
import type { Logger } from 'pino'
import { INSTANCE_LABEL, MANAGED_BY, NAME_LABEL } from './container-pod.ts'

/** Says who made a service, so that nobody's own service is changed or deleted. */
const OWNER_ANNOTATION = 'agent.roster.dev/owner'
const OWNER = 'docker'
const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
const PAGE_SIZE = 500

export interface LabelServicesOptions {
  readonly roster: Pick<Roster, 'catalog' | 'pods'>
  readonly log: Logger
  /** How long a service without any pod is kept, in milliseconds. Default 600,000. */
  readonly keepMs?: number
}

/**
 * Keeps the services that labels of containers describe in the registry. Without a
 * container a service stays, and so does its virtual IP: one that was scaled to
 * zero comes back. After a while it is deleted, by whichever agent sees that it has
 * no pods on any node.
 */
export class LabelServices {
  readonly #roster: LabelServicesOptions['roster']
  readonly #log: Logger
  readonly #keepMs: number
  #desired: ReadonlyMap<string, Service> = new Map()
  /** What was applied by `namespace/name`, and what it would be no use to apply again. */
  readonly #applied = new Map<string, string>()
  readonly #refused = new Map<string, string>()
  /** Since when services without a pod have been seen, on the monotonic clock. */
  readonly #idleSinceMs = new Map<string, number>()
  readonly #stopping = new AbortController()
  readonly #backoff = new Backoff()
  #working: Promise<void> = Promise.resolve()
  #isWorking = false
  #isDirty = false
  #isSweepDue = false

  constructor({ roster, log, keepMs = 600_000 }: LabelServicesOptions) {
    this.#roster = roster
    this.#log = log
    this.#keepMs = keepMs
  }

  /** These are the services now, by `namespace/name`. */
  set(services: ReadonlyMap<string, Service>): void {
    this.#desired = services
    this.#work()
  }

  /** Applies again what others deleted, and deletes what nobody needs. To be called now and then. */
  sweep(): void {
    this.#isSweepDue = true
    this.#work()
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#working
  }

  #work(): void {
    this.#isDirty = true
    if (this.#isWorking) return
    this.#isWorking = true
    this.#working = this.#rounds(this.#stopping.signal)
  }

  /** One round at a time, until there is nothing to do; what fails is tried again. */
  async #rounds(signal: AbortSignal): Promise<void> {
    while (this.#isDirty && !signal.aborted) {
      const isSweep = this.#isSweepDue
      this.#isDirty = false
      this.#isSweepDue = false
      this.#backoff.started()
      try {
        if (isSweep) await this.#deleteIdle()
        await this.#applyAll()
      } catch (reason) {
        const { message } = RosterError.from(reason)
        this.#log.debug({ reason: message }, 'services of containers could not be applied')
        this.#isDirty = true
        this.#isSweepDue ||= isSweep
        await pause(this.#backoff.nextDelayMs(), signal)
      }
    }
    this.#isWorking = false
  }

  async #applyAll(): Promise<void> {
    for (const [key, service] of this.#desired) {
      const text = JSON.stringify(service)
      if (this.#applied.get(key) === text || this.#refused.get(key) === text) continue
      const outcome = await this.#apply(key, service)
      if (outcome === 'applied') this.#applied.set(key, text)
      else this.#refused.set(key, text)
    }
  }

  async #apply(key: string, service: Service): Promise<'applied' | 'refused'> {
    const old = await this.#find(service)
    if (old && !isOurs(old)) {
      this.#log.warn({ service: key }, 'labels describe a service that others made: left as it is')
      return 'refused'
    }
    try {
      await this.#roster.catalog.applyService({
        service,
        expectedRevision: old?.metadata?.revision ?? 0,
      })
      this.#log.info({ service: key }, 'service applied from labels')
      return 'applied'
    } catch (reason) {
      const error = RosterError.from(reason)
      if (error.code !== 'INVALID') throw error
      this.#log.warn({ service: key, reason: error.message }, 'service of labels refused')
      return 'refused'
    }
  }

  async #find({ metadata }: Service): Promise<Service__Output | undefined> {
    const { namespace = '', name = '' } = metadata ?? {}
    try {
      return (await this.#roster.catalog.getService({ namespace, name })).service ?? undefined
    } catch (reason) {
      if (RosterError.from(reason).code === 'NOT_FOUND') return undefined
      throw reason
    }
  }

  async #deleteIdle(): Promise<void> {
    const present = new Set<string>()
    for await (const service of this.#ownServices()) {
      const key = keyOf(service)
      present.add(key)
      if (this.#desired.has(key) || (await this.#hasPods(service))) this.#idleSinceMs.delete(key)
      else await this.#deleteIfIdle(key, service)
    }
    for (const key of this.#idleSinceMs.keys()) if (!present.has(key)) this.#idleSinceMs.delete(key)
    // One that somebody deleted is applied again.
    for (const key of this.#applied.keys()) if (!present.has(key)) this.#applied.delete(key)
  }

  async #deleteIfIdle(key: string, { metadata }: Service__Output): Promise<void> {
    const nowMs = performance.now()
    const sinceMs = this.#idleSinceMs.get(key) ?? nowMs
    this.#idleSinceMs.set(key, sinceMs)
    if (nowMs - sinceMs < this.#keepMs || !metadata) return
    const { namespace, name, revision } = metadata
    await this.#roster.catalog.deleteService({ namespace, name, expectedRevision: revision })
    this.#idleSinceMs.delete(key)
    this.#applied.delete(key)
    this.#log.info({ service: key }, 'service deleted: it had no containers any more')
  }

  async *#ownServices(): AsyncGenerator<Service__Output> {
    let pageToken = ''
    do {
      const page = await this.#roster.catalog.listServices({ pageSize: PAGE_SIZE, pageToken })
      yield* page.services.filter(isOurs)
      pageToken = page.nextPageToken
    } while (pageToken !== '')
  }

  async #hasPods({ metadata, spec }: Service__Output): Promise<boolean> {
    const labelSelector = Object.entries(spec?.selector ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join()
    // A selector that asks for nothing selects no pod.
    if (labelSelector === '') return false
    const namespace = metadata?.namespace ?? ''
    const { pods } = await this.#roster.pods.listPods({ namespace, labelSelector, pageSize: 1 })
    return pods.length > 0
  }
}

const isOurs = ({ metadata }: Service__Output): boolean =>
  metadata?.annotations[OWNER_ANNOTATION] === OWNER

const keyOf = ({ metadata }: Service__Output): string => `${metadata?.namespace}/${metadata?.name}`

/**
 * A service from the labels of a container: unless they say otherwise it selects
 * the pods that have the name and instance of the container's own.
 */
export function serviceOf(
  name: string,
  namespace: string,
  described: { readonly spec: NonNullable<Service['spec']>; readonly annotations: Labels },
  podLabels: Labels,
): Service {
  const selector = described.spec.selector ?? pick(podLabels, NAME_LABEL, INSTANCE_LABEL)
  return {
    metadata: {
      namespace,
      name,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: { ...described.annotations, [OWNER_ANNOTATION]: OWNER },
    },
    spec: { ...described.spec, ...(described.spec.type !== 'ExternalName' && { selector }) },
  }
}

type Labels = Readonly<Record<string, string>>

const pick = (labels: Labels, ...keys: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    keys.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]] as const])),
  )
