import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { keyOf } from '../model/keys.ts'
import { DEFAULT_NAMESPACE, type Stored } from '../model/meta.ts'
import type { Service, ServiceStatus } from '../model/service.ts'
import { admitService, type ServiceAllocator } from '../model/service-admission.ts'
import type { ServiceInput } from '../model/service-input.ts'
import { admitServiceStatus } from '../model/service-status.ts'
import type { Cause, Revision } from '../store/store.ts'
import { type Attempt, type Commits, checkExpected, notFound } from './commits.ts'
import type { View } from './view.ts'

/** How an apply is to be done. */
export interface ApplyOptions {
  /** Revision the object must be at; 0: it must not exist; absent: whatever it is. */
  readonly expected?: Revision
  /** Do everything but store it. */
  readonly isDryRun: boolean
  readonly cause: Cause
}

/** What an apply did. */
export interface Applied<T> {
  readonly stored: Stored<T>
  readonly outcome: 'CREATED' | 'CONFIGURED' | 'UNCHANGED'
}

/** Writes services: apply and delete, with their addresses and ports. */
export class Services {
  readonly #view: View
  readonly #commits: Commits
  readonly #allocator: ServiceAllocator

  constructor(view: View, commits: Commits, allocator: ServiceAllocator) {
    this.#view = view
    this.#commits = commits
    this.#allocator = allocator
  }

  apply(input: ServiceInput, options: ApplyOptions): Promise<Applied<Service>> {
    const namespace = input.metadata.namespace || DEFAULT_NAMESPACE
    const key = `${namespace}/${input.metadata.name}`
    // In turn: a second apply of one service must not meet the first one's
    // reservations as if they were a stranger's.
    return this.#commits.inTurn(key, () =>
      this.#commits.change(() => this.#attempt(key, input, options), options.cause),
    )
  }

  #attempt(key: string, input: ServiceInput, options: ApplyOptions): Attempt<Applied<Service>> {
    const old = this.#view.services.get(key)
    checkExpected(`service ${key}`, old?.revision, options.expected)
    const fresh = { uid: randomUUID(), now: new Date().toISOString() }
    const admission = admitService(input, old?.object, this.#allocator, fresh)
    const text = JSON.stringify(admission.service)
    const object = JSON.parse(text) as Service
    const isSame = old !== undefined && isDeepStrictEqual(object, old.object)
    const outcome = isSame ? 'UNCHANGED' : old === undefined ? 'CREATED' : 'CONFIGURED'
    if (isSame || options.isDryRun) {
      admission.rollback()
      const revision = old?.revision ?? 0
      return { writes: [], answer: () => ({ stored: { object, revision }, outcome }) }
    }
    return {
      writes: [{ key: keyOf('services', key), value: text, expect: old?.revision ?? 0 }],
      settle: (result) => (result === 'committed' ? admission.commit() : admission.rollback()),
      answer: (revision) => ({ stored: { object, revision }, outcome }),
    }
  }

  /** Writes the status of a service, which `apply` leaves alone. */
  updateStatus(
    key: string,
    status: ServiceStatus,
    expected: Revision | undefined,
    cause: Cause,
  ): Promise<Stored<Service>> {
    return this.#commits.inTurn(key, () =>
      this.#commits.change(() => {
        const old = this.#view.services.get(key)
        if (old === undefined) throw notFound(`service ${key}`)
        checkExpected(`service ${key}`, old.revision, expected)
        const object = admitServiceStatus(old.object, status)
        if (isDeepStrictEqual(object.status, old.object.status)) {
          return { writes: [], answer: () => old }
        }
        const value = JSON.stringify(object)
        return {
          writes: [{ key: keyOf('services', key), value, expect: old.revision }],
          answer: (revision) => ({ object, revision }),
        }
      }, cause),
    )
  }

  delete(key: string, expected: Revision | undefined, cause: Cause): Promise<Revision> {
    return this.#commits.inTurn(key, () =>
      this.#commits.change(() => {
        const old = this.#view.services.get(key)
        if (old === undefined) throw notFound(`service ${key}`)
        checkExpected(`service ${key}`, old.revision, expected)
        return {
          writes: [{ key: keyOf('services', key), value: null, expect: old.revision }],
          settle: (result) => {
            if (result === 'committed') this.#allocator.release(old.object)
          },
          answer: (revision) => revision,
        }
      }, cause),
    )
  }
}
