import { randomUUID } from 'node:crypto'
import { RegistryError } from '../model/errors.ts'
import { FieldErrors } from '../model/field-errors.ts'
import { keyOf } from '../model/keys.ts'
import { validateObjectMeta } from '../model/labels.ts'
import { DEFAULT_NAMESPACE, fullName, type Stored } from '../model/meta.ts'
import { dns1123Subdomain } from '../model/names.ts'
import type { Pod, PodOverride } from '../model/pod.ts'
import {
  admitPod,
  type PodInput,
  type PodStatusPatch,
  updatePodStatus,
  validateOverride,
} from '../model/pod-admission.ts'
import type { Cause, LeaseId, Revision, Write } from '../store/store.ts'
import { Combiner } from './combiner.ts'
import { type Commits, notFound } from './commits.ts'
import type { View } from './view.ts'

/** Which life of a pod is speaking; '' where it does not say. */
export interface Ownership {
  readonly uid: string
  readonly leaseId: LeaseId
}

/** A pod on its way to a new state, and who moved it last. */
interface Update extends Stored<Pod> {
  readonly cause: Cause
}

const REGISTRY: Cause = { actor: 'registry', reason: 'update' }

/** Writes pods: what they say of themselves, and what the operator wants of them. */
export class Pods {
  readonly #view: View
  readonly #commits: Commits
  readonly #updates = new Combiner<Update>((key, step) => this.#update(key, step))

  constructor(view: View, commits: Commits) {
    this.#view = view
    this.#commits = commits
  }

  /** Registers pods in one commit, all or none. The newest registration of a name owns it. */
  async register(
    inputs: readonly PodInput[],
    leaseId: LeaseId,
    cause: Cause,
  ): Promise<{ readonly pods: readonly Pod[]; readonly revision: Revision }> {
    const now = new Date().toISOString()
    const pods = new Map<string, Pod>()
    const writes: Write[] = []
    for (const [index, input] of inputs.entries()) {
      const key = `${input.metadata.namespace || DEFAULT_NAMESPACE}/${input.metadata.name}`
      if (pods.has(key)) throw inBatch(index, duplicateName(input.metadata.name))
      const old = this.#view.pods.get(key)?.stored.object
      try {
        const pod = admitPod(input, old, { uid: randomUUID(), now, leaseId })
        pods.set(key, pod)
        const write = { key: keyOf('pods', key), value: JSON.stringify(pod), parsed: pod }
        writes.push(leaseId === '' ? write : { ...write, lease: leaseId })
      } catch (error) {
        throw inputs.length === 1 ? error : inBatch(index, error)
      }
    }
    const revision = await this.#commits.commit(writes, cause)
    return { pods: [...pods.values()], revision }
  }

  updateStatus(
    key: string,
    owner: Ownership,
    patch: PodStatusPatch,
    cause: Cause,
  ): Promise<Stored<Pod>> {
    return this.#updates.run(key, (update) => {
      checkOwner(update.object, owner)
      const object = updatePodStatus(update.object, patch, new Date().toISOString())
      return { ...update, object, cause }
    })
  }

  #update(key: string, step: (update: Update) => Update): Promise<Update> {
    return this.#commits.change(() => {
      const { object: pod, revision: seen } = this.#find(key)
      const update = step({ object: pod, revision: seen, cause: REGISTRY })
      if (update.object === pod) return { writes: [], answer: () => update }
      const { object, cause } = update
      const { leaseId } = object.status
      const value = JSON.stringify(object)
      const write = { key: keyOf('pods', key), value, parsed: object, expect: seen }
      return {
        writes: [leaseId === '' ? write : { ...write, lease: leaseId }],
        cause,
        answer: (revision) => ({ object, revision, cause }),
      }
    }, REGISTRY)
  }

  deregister(key: string, owner: Ownership, cause: Cause): Promise<Revision> {
    return this.#commits.change(() => {
      const { object, revision: expect } = this.#find(key)
      checkOwner(object, owner)
      return {
        writes: [{ key: keyOf('pods', key), value: null, expect }],
        answer: (revision) => revision,
      }
    }, cause)
  }

  /** Sets what the operator wants, or clears it with `undefined`. The pod need not be there. */
  override(key: string, override: PodOverride | undefined, cause: Cause): Promise<Revision> {
    const [namespace = '', ...name] = key.split('/')
    const errors = new FieldErrors()
    validateObjectMeta(
      { namespace, name: name.join('/'), labels: {}, annotations: {} },
      dns1123Subdomain,
      errors,
    )
    errors.throwIfAny('Pod', name.join('/'))
    if (override !== undefined) validateOverride(override)
    const isEmpty = override?.maintenance !== true && override?.weight === undefined
    const value = isEmpty ? null : JSON.stringify(override)
    return this.#commits.commit([{ key: keyOf('overrides', key), value }], cause)
  }

  #find(key: string): Stored<Pod> {
    const stored = this.#view.pods.get(key)?.stored
    if (stored === undefined) throw notFound(`pod ${key}`)
    return stored
  }
}

function checkOwner({ metadata, status }: Pod, { uid, leaseId }: Ownership): void {
  const differs =
    uid !== '' && uid !== metadata.uid
      ? `uid ${metadata.uid}, not ${uid}`
      : leaseId !== '' && leaseId !== status.leaseId
        ? `lease ${status.leaseId || '(none)'}, not ${leaseId}`
        : undefined
  if (differs === undefined) return
  throw new RegistryError(
    'NOT_OWNER',
    `pod ${fullName(metadata)} now has ${differs}: another life of it has registered since`,
  )
}

const duplicateName = (name: string): RegistryError =>
  new RegistryError('INVALID', `pod "${name}" is named twice`, {
    violations: [{ field: 'metadata.name', description: `Duplicate value: "${name}"` }],
  })

/** Puts the place in the batch before the fields of an error. */
function inBatch(index: number, error: unknown): unknown {
  if (!(error instanceof RegistryError)) return error
  return new RegistryError(error.code, `pods[${index}]: ${error.message}`, {
    cause: error,
    violations: error.violations.map(({ field, description }) => ({
      field: `pods[${index}].${field}`,
      description,
    })),
  })
}
