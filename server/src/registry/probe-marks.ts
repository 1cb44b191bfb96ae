import { setImmediate as nextTurn } from 'node:timers/promises'
import { RegistryError } from '../model/errors.ts'
import { keyOf } from '../model/keys.ts'
import type { Probed } from '../model/probed.ts'
import type { Commits } from './commits.ts'
import type { View } from './view.ts'

/** Writes what probes have found: one mark per pod, apart from what the pod says of itself. */
export class ProbeMarks {
  readonly #view: View
  readonly #commits: Commits

  constructor(view: View, commits: Commits) {
    this.#view = view
    this.#commits = commits
  }

  /** Sets the mark of a pod. A store that cannot take it now is no error. */
  async put(pod: string, mark: Probed): Promise<void> {
    const write = { key: keyOf('probed', pod), value: JSON.stringify(mark), parsed: mark }
    await this.#settle(
      this.#commits.commit([write], {
        actor: 'registry',
        reason: mark.condition.status === 'True' ? 'probe succeeded' : 'probe failed',
      }),
    )
    // The pod may have gone while the mark was on its way.
    await this.clear(pod)
  }

  /**
   * Takes away a mark whose pod is gone or has no probe any more. Not by the
   * pod's lease: a pod that goes on under another lease keeps its mark.
   */
  async clear(pod: string): Promise<void> {
    // The pod is heard of in the middle of a batch: let that be read to its end.
    await nextTurn()
    const isWanted = this.#view.pods.get(pod)?.stored.object.spec.readinessProbe !== undefined
    if (isWanted || !this.#view.marks.probed.has(pod)) return
    await this.#settle(
      this.#commits.commit([{ key: keyOf('probed', pod), value: null }], {
        actor: 'registry',
        reason: 'pod without probe',
      }),
    )
  }

  async #settle(commit: Promise<unknown>): Promise<void> {
    try {
      await commit
    } catch (error) {
      const isLate =
        error instanceof RegistryError && ['UNAVAILABLE', 'EXHAUSTED'].includes(error.code)
      if (!isLate) throw error
    }
  }
}
