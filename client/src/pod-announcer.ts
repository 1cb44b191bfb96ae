import type { Pod } from '@roster/proto'
import type { EventListener } from './events.ts'
import type { RegistryClient } from './registry-client.ts'
import { RosterError } from './roster-error.ts'

/** Most pods the registry takes in one RegisterPods. */
const MAX_PODS_PER_CALL = 100

/** What a pod says of itself and may change its mind about. */
export interface PodConditions {
  readonly ready: boolean
  readonly terminating: boolean
}

/** A pod that is to be registered for as long as the process lives. */
export interface Registrant {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly conditions: PodConditions
  /** The pod as it is now; its uid is always the same. */
  pod(): Promise<Pod>
  /** It is registered, for the first time or anew. */
  registered(): void
  /** It is refused for good, or its name belongs to another process now. */
  lost(error: RosterError): void
}

/** A lease as the registry granted it. */
export interface Lease {
  readonly id: string
  readonly ttlMs: number
}

/** What the registry was last told of a pod, and under which lease. */
interface Told extends PodConditions {
  readonly leaseId: string
}

/** A registrant and what is about to be said of it. */
interface Described {
  readonly registrant: Registrant
  readonly pod: Pod
  readonly conditions: PodConditions
}

/** Knows what the registry has been told of each pod of this process, and tells it the rest. */
export class PodAnnouncer {
  readonly #client: RegistryClient
  readonly #onEvent: EventListener
  readonly #told = new Map<Registrant, Told | undefined>()

  constructor(client: RegistryClient, onEvent: EventListener) {
    this.#client = client
    this.#onEvent = onEvent
  }

  get size(): number {
    return this.#told.size
  }

  add(registrant: Registrant): void {
    this.#told.set(registrant, undefined)
  }

  delete(registrant: Registrant): boolean {
    return this.#told.delete(registrant)
  }

  clear(): void {
    this.#told.clear()
  }

  /** Every pod is refused, for a reason that is not its own. */
  giveUpAll(error: RosterError): void {
    for (const registrant of [...this.#told.keys()]) this.#giveUp(registrant, error)
  }

  /**
   * Tells the registry what it does not know yet. What is wrong with one pod
   * stays with that pod; what is wrong with the lease or the way is thrown, as
   * RosterError. Not to be called again before it has settled: two that cross
   * could leave the registry with the older state.
   */
  async announce(lease: Lease): Promise<void> {
    const absent: Registrant[] = []
    const changed: Registrant[] = []
    for (const [registrant, told] of this.#told) {
      if (told?.leaseId !== lease.id) absent.push(registrant)
      else if (differ(told, registrant.conditions)) changed.push(registrant)
    }
    for (const batch of batchesOf(absent)) {
      await this.#register(await this.#describe(await this.#withoutTaken(batch)), lease.id)
    }
    for (const batch of batchesOf(changed)) {
      await allOf(batch.map((registrant) => this.#change(registrant, lease.id)))
    }
  }

  /**
   * Those whose name is still theirs. A pod that was registered before, under a
   * lease that ran out, must not evict the one that has taken its place since.
   */
  async #withoutTaken(batch: readonly Registrant[]): Promise<readonly Registrant[]> {
    await allOf(
      batch
        .filter((registrant) => this.#told.get(registrant) !== undefined)
        .map(async (registrant) => {
          const { namespace, name, uid } = registrant
          const owner = await this.#uidOf(namespace, name)
          if (owner === undefined || owner === uid) return
          const message = `pod ${namespace}/${name} is registered with uid ${owner} now, not ${uid}: another process has taken the name`
          this.#giveUp(registrant, new RosterError('NOT_OWNER', message))
        }),
    )
    return batch.filter((registrant) => this.#told.has(registrant))
  }

  async #uidOf(namespace: string, name: string): Promise<string | undefined> {
    try {
      const { pod } = await this.#client.pods.getPod({ namespace, name })
      return pod?.metadata?.uid
    } catch (error) {
      if (RosterError.from(error).code === 'NOT_FOUND') return undefined
      throw error
    }
  }

  async #describe(batch: readonly Registrant[]): Promise<readonly Described[]> {
    const described = await Promise.all(
      batch.map(async (registrant): Promise<readonly Described[]> => {
        const { conditions } = registrant
        try {
          return [{ registrant, conditions, pod: await registrant.pod() }]
        } catch (reason) {
          const error = RosterError.from(reason)
          this.#onEvent({ type: 'registration_delayed', pod: nameOf(registrant), error })
          return []
        }
      }),
    )
    return described.flat()
  }

  async #register(described: readonly Described[], leaseId: string): Promise<void> {
    const [first] = described
    if (!first) return
    try {
      await this.#client.pods.registerPods({ pods: described.map(({ pod }) => pod), leaseId })
    } catch (reason) {
      const error = RosterError.from(reason)
      if (!FINAL.has(error.code)) throw error
      if (described.length === 1) return this.#giveUp(first.registrant, error)
      // One by one, so that one that is refused does not take the others with it.
      for (const one of described) await this.#register([one], leaseId)
      return
    }
    for (const { registrant, conditions } of described) {
      if (!this.#told.has(registrant)) continue
      this.#told.set(registrant, { leaseId, ...conditions })
      registrant.registered()
      this.#onEvent({ type: 'registered', pod: nameOf(registrant), leaseId })
    }
  }

  async #change(registrant: Registrant, leaseId: string): Promise<void> {
    const { namespace, name, uid, conditions } = registrant
    const { ready, terminating } = conditions
    try {
      await this.#client.pods.updatePodStatus({ namespace, name, uid, leaseId, ready, terminating })
    } catch (reason) {
      const error = RosterError.from(reason)
      if (FINAL.has(error.code)) return this.#giveUp(registrant, error)
      if (error.code !== 'NOT_FOUND') throw error
      // Somebody took it out; it is still here.
      return this.#register(await this.#describe([registrant]), leaseId)
    }
    if (this.#told.has(registrant)) this.#told.set(registrant, { leaseId, ready, terminating })
  }

  #giveUp(registrant: Registrant, error: RosterError): void {
    if (!this.#told.delete(registrant)) return
    registrant.lost(error)
    this.#onEvent({ type: 'registration_lost', pod: nameOf(registrant), error })
  }
}

/** Errors that the same request would meet for ever. */
export const FINAL: ReadonlySet<string> = new Set(['INVALID', 'NOT_OWNER'])

const nameOf = ({ namespace, name }: Registrant): string => `${namespace}/${name}`

const differ = (a: PodConditions, b: PodConditions): boolean =>
  a.ready !== b.ready || a.terminating !== b.terminating

function* batchesOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += MAX_PODS_PER_CALL) {
    yield items.slice(i, i + MAX_PODS_PER_CALL)
  }
}

/** Waits for all, and then throws the first failure: none goes on behind the caller's back. */
async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(promises)) {
    if (result.status === 'rejected') throw result.reason
  }
}
