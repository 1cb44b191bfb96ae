import type { Tally } from './tally.ts'

/** Part of the calls that a pod much slower than the others may get at most. */
const SLOW_SHARE = 0.05

/** A phase of the demo, once it is over. */
export interface Phase {
  readonly name: string
  /** Calls from the beginning of the phase until what was to happen had happened. */
  readonly moving: Tally
  /** Calls after that. */
  readonly steady: Tally
  /** Names of the pods that had to answer in the steady part. */
  readonly ready: readonly string[]
  /** The one of them that was slower than the others. */
  readonly slow?: string
  /** Calls under way when a pod was made to stand still: so many may fail. */
  readonly inFlight?: { readonly atPod: number; readonly inAll: number }
}

/** What `--json` says of a phase. */
export interface PhaseReport {
  readonly name: string
  /** Calls of the steady part. */
  readonly calls: number
  /** Failed calls of the whole phase. */
  readonly failed: number
  /** So many were allowed to fail. */
  readonly allowed: number
  /** Of the allowed ones, those that were under way at the pod that stood still. */
  readonly inFlightAtPod?: number
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
    failed: failedOf(phase),
    allowed: allowedOf(phase),
    ...(phase.inFlight && { inFlightAtPod: phase.inFlight.atPod }),
    perPod: Object.fromEntries([
      ...phase.ready.map((pod): [string, number] => [pod, 0]),
      ...phase.steady.perPod,
    ]),
  }))
  return { phases: reports, failed: reports.reduce((sum, { failed }) => sum + failed, 0) }
}

/** Failed calls of the whole phase. */
export const failedOf = ({ moving, steady }: Phase): number => moving.failed + steady.failed

/** How many calls of the phase may fail. */
export const allowedOf = ({ inFlight }: Phase): number => inFlight?.inAll ?? 0

/**
 * What was not as promised, in words; empty when all was: no call failed that was not
 * under way when a pod stood still, and in the steady part of each phase every ready
 * pod answered some calls, a slow one few, and no other pod any. The shares are not
 * held against each other: by peak_ewma the faster pod gets more.
 */
export function problemsOf(phases: readonly Phase[]): readonly string[] {
  return phases.flatMap((phase) => [...failures(phase), ...unfairness(phase)])
}

function failures(phase: Phase): readonly string[] {
  const failed = failedOf(phase)
  const allowed = allowedOf(phase)
  if (failed <= allowed) return []
  const errors = [...phase.moving.errors, ...phase.steady.errors].join('; ')
  return [`${phase.name}: ${failed} calls failed, ${allowed} may: ${errors}`]
}

function unfairness({ name, ready, slow, steady }: Phase): readonly string[] {
  const idle = ready
    .filter((pod) => pod !== slow && !steady.perPod.has(pod))
    .map((pod) => `${name}: ${pod} is ready and answered no call`)
  const strangers = [...steady.perPod.keys()]
    .filter((pod) => !ready.includes(pod))
    .map((pod) => `${name}: ${pod} answered calls and should get none`)
  const slowCalls = steady.perPod.get(slow ?? '') ?? 0
  const overfed =
    slowCalls > steady.calls * SLOW_SHARE
      ? [`${name}: ${slow} is slow and answered ${slowCalls} of ${steady.calls} calls`]
      : []
  return [...idle, ...strangers, ...overfed]
}
