/** How many equal outcomes in a row decide. */
export interface Thresholds {
  readonly successThreshold: number
  readonly failureThreshold: number
}

/** Counts outcomes until enough in a row are equal (Kubernetes pkg/kubelet/prober worker.go). */
export class Tally {
  readonly #thresholds: Thresholds
  #last: boolean | undefined
  #run = 0

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds
  }

  /** What is decided now: undefined while the run is too short to decide anything. */
  add({ isSuccess }: { readonly isSuccess: boolean }): 'success' | 'failure' | undefined {
    this.#run = isSuccess === this.#last ? this.#run + 1 : 1
    this.#last = isSuccess
    const { successThreshold, failureThreshold } = this.#thresholds
    if (this.#run < (isSuccess ? successThreshold : failureThreshold)) return undefined
    return isSuccess ? 'success' : 'failure'
  }
}
