import type { Tally } from './tally.ts'

/** Part of the even share that every ready pod must have got. */
const LEAST_SHARE = 0.5

/** A phase of the demo, once it is over. */
export interface Phase {
  readonly name: string
  /** Names of the pods that were ready in the steady part. */
  readonly ready: readonly string[]
  /** Calls from the beginning of the phase until the pods it wants were all in use. */
  readonly moving: Tally
  /** Calls after that. */
  readonly steady: Tally
}

/** What `--json` says of a phase. */
export interface PhaseReport {
  readonly name: string
  /** Calls of the steady part. */
  readonly calls: number
  /** Failed calls of the whole phase. */
  readonly failed: number
  /** Calls of the steady part that each pod answered; ready pods always have an entry. */
  readonly perPod: Readonly<Record<string, number>>
}

/** What `--json` says. */
export interface Report {
  readonly phases: readonly PhaseReport[]
  /** Failed calls in all. */
  readonly failed: number
}

export function reportOf(phases: readonly Phase[]): Report {
  const reports = phases.map((phase) => ({
    name: phase.name,
    calls: phase.steady.calls,
    failed: phase.moving.failed + phase.steady.failed,
    perPod: Object.fromEntries([
      ...phase.ready.map((pod): [string, number] => [pod, 0]),
      ...phase.steady.perPod,
    ]),
  }))
  return { phases: reports, failed: reports.reduce((sum, { failed }) => sum + failed, 0) }
}

/**
 * What was not as promised, in words; empty when all was: no call failed, and in
 * the steady part of each phase every ready pod answered at least half of the
 * even share, and no other pod any.
 */
export function problemsOf(phases: readonly Phase[]): readonly string[] {
  return phases.flatMap((phase) => [...failures(phase), ...unevenness(phase)])
}

function failures({ name, moving, steady }: Phase): readonly string[] {
  const failed = moving.failed + steady.failed
  if (failed === 0) return []
  const errors = [...moving.errors, ...steady.errors].join('; ')
  return [`${name}: ${failed} calls failed: ${errors}`]
}

function unevenness({ name, ready, steady }: Phase): readonly string[] {
  const even = steady.calls / ready.length
  const short = ready
    .map((pod) => ({ pod, calls: steady.perPod.get(pod) ?? 0 }))
    .filter(({ calls }) => calls === 0 || calls < even * LEAST_SHARE)
    .map(
      ({ pod, calls }) =>
        `${name}: ${pod} answered ${calls} calls, less than half of the even share of ${Math.round(even)}`,
    )
  const strangers = [...steady.perPod.keys()]
    .filter((pod) => !ready.includes(pod))
    .map((pod) => `${name}: ${pod} answered calls and is no longer ready`)
  return [...short, ...strangers]
}
