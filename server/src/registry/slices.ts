import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { EndpointSlice } from '../model/endpoint-slice.ts'
import { keyOf } from '../model/keys.ts'
import { DEFAULT_NAMESPACE } from '../model/meta.ts'
import { admitSlice, type SliceInput } from '../model/slice-admission.ts'
import type { Cause, Revision } from '../store/store.ts'
import { type Attempt, type Commits, checkExpected, notFound } from './commits.ts'
import type { Applied, ApplyOptions } from './services.ts'
import type { View } from './view.ts'

/** Writes endpoints given by hand. */
export class Slices {
  readonly #view: View
  readonly #commits: Commits

  constructor(view: View, commits: Commits) {
    this.#view = view
    this.#commits = commits
  }

  apply(input: SliceInput, options: ApplyOptions): Promise<Applied<EndpointSlice>> {
    return this.#commits.change(() => this.#attempt(input, options), options.cause)
  }

  #attempt(input: SliceInput, options: ApplyOptions): Attempt<Applied<EndpointSlice>> {
    const key = `${input.metadata.namespace || DEFAULT_NAMESPACE}/${input.metadata.name}`
    const old = this.#view.slices.get(key)
    checkExpected(`endpointslice ${key}`, old?.revision, options.expected)
    const fresh = { uid: randomUUID(), now: new Date().toISOString() }
    const text = JSON.stringify(admitSlice(input, old?.object, fresh))
    const object = JSON.parse(text) as EndpointSlice
    const isSame = old !== undefined && isDeepStrictEqual(object, old.object)
    const outcome = isSame ? 'UNCHANGED' : old === undefined ? 'CREATED' : 'CONFIGURED'
    const kept = old?.revision ?? 0
    if (isSame || options.isDryRun) {
      return { writes: [], answer: () => ({ stored: { object, revision: kept }, outcome }) }
    }
    return {
      writes: [{ key: keyOf('endpointslices', key), value: text, expect: kept }],
      answer: (revision) => ({ stored: { object, revision }, outcome }),
    }
  }

  delete(key: string, expected: Revision | undefined, cause: Cause): Promise<Revision> {
    return this.#commits.change(() => {
      const old = this.#view.slices.get(key)
      if (old === undefined) throw notFound(`endpointslice ${key}`)
      checkExpected(`endpointslice ${key}`, old.revision, expected)
      return {
        writes: [{ key: keyOf('endpointslices', key), value: null, expect: old.revision }],
        answer: (revision) => revision,
      }
    }, cause)
  }
}
