import { setTimeout as pause } from 'node:timers/promises'
import { GREETER_NAMESPACE } from '../greeter.ts'
import { WORK_MS } from './fleet.ts'
import type { Run } from './run.ts'

/** How long a pod stands still after the registry has taken it out. */
const FROZEN_MS = 2_000
/** How long there is no registry when it is restarted. */
const RESTART_MS = 1_000
/** How long there is no registry when it is down. */
const OUTAGE_MS = 10_000
/** How long a drain may wait for those who call the pod. */
const DRAIN_TIMEOUT_MS = 5_000
/** How much longer than the others the slow pod takes. */
const SLOWNESS = 10

/** One thing that happens to the pods or the registry while calls go on. */
export interface PhaseScript {
  readonly name: string
  /** What happens, for people. */
  readonly about: string
  /** How many pods there are when it begins. */
  readonly pods: number
  /** Does it; absent: to have so many pods is all. */
  readonly act?: (run: Run) => Promise<void>
}

/** All phases, in the order they are played. */
export const PHASE_SCRIPTS: readonly PhaseScript[] = [
  { name: 'three pods', about: 'three pods register', pods: 3 },
  { name: 'scale to six', about: 'three more register', pods: 6 },
  { name: 'scale to two', about: 'four leave on SIGTERM', pods: 2 },
  { name: 'kill a pod', about: 'kill -9 of one of four', pods: 4, act: killPod },
  { name: 'drain a pod', about: 'DrainPod from outside, then it stops', pods: 4, act: drainPod },
  {
    name: 'rolling restart',
    about: 'each of four replaced, one after the other',
    pods: 4,
    act: replacePods,
  },
  {
    name: 'restart the registry',
    about: 'SIGTERM, and started again',
    pods: 4,
    act: restartRegistry,
  },
  {
    name: 'registry outage',
    about: `kill -9 of the registry, ${OUTAGE_MS / 1000} s without it`,
    pods: 4,
    act: loseRegistry,
  },
  { name: 'freeze a pod', about: 'SIGSTOP of one of four, then SIGCONT', pods: 4, act: freezePod },
  {
    name: 'slow pod',
    about: `a fifth pod, ${SLOWNESS} times slower than the others`,
    pods: 4,
    act: addSlowPod,
  },
]

/** Plays one phase from its beginning to the end of its steady part. */
export async function playPhase(run: Run, { name, pods, act }: PhaseScript): Promise<void> {
  run.begin(name)
  if (run.fleet.names.length !== pods) {
    run.say(`from ${run.fleet.names.length} pods to ${pods}`)
    await run.fleet.scaleTo(pods)
  }
  await run.untilInUse()
  await act?.(run)
  await run.end()
}

async function killPod(run: Run): Promise<void> {
  const pod = run.fleet.oldest
  run.say(`kill -9 of ${pod}`)
  await run.fleet.kill(pod)
  await run.untilMayCall(run.fleet.names)
  run.say(`the registry has taken ${pod} out`)
}

async function freezePod(run: Run): Promise<void> {
  const { fleet } = run
  const pod = fleet.oldest
  // A newcomer gets fewer calls for 10 s, and the others more: let that be over.
  await run.until('the end of the slow start', () => run.haveEvenWeights)
  const { atPod, inAll } = run.allowInFlight(pod)
  fleet.freeze(pod)
  run.say(`SIGSTOP of ${pod}: ${inAll} calls under way, ${atPod} of them there`)
  const others = fleet.names.filter((name) => name !== pod)
  await run.untilMayCall(others)
  run.say(`its probe has failed: the registry has taken ${pod} out`)
  run.beginSteady({ ready: others })
  await pause(FROZEN_MS, undefined, { signal: run.signal })
  await run.end()
  run.begin('thaw the pod')
  fleet.thaw(pod)
  run.say(`SIGCONT of ${pod}`)
  await run.untilInUse()
}

async function drainPod(run: Run): Promise<void> {
  const { fleet, roster } = run
  const name = fleet.oldest
  const request = { namespace: GREETER_NAMESPACE, name, timeoutMs: DRAIN_TIMEOUT_MS }
  const { laggards, watchers } = await roster.pods.drainPod(request, { signal: run.signal })
  if (laggards.length > 0) throw new Error(`${name} is not drained: not all have acknowledged`)
  // From the registry's answer on, and not only from the end of the pod on.
  run.beginSteady({ ready: fleet.names.filter((other) => other !== name) })
  run.say(`${name} is drained: watchers that call it no more: ${watchers} of ${watchers}`)
  await fleet.stop(name)
  run.say(`${name} has stopped`)
}

async function replacePods(run: Run): Promise<void> {
  for (const old of run.fleet.names) {
    const next = run.fleet.start()
    await run.untilInUse()
    run.say(`${next} is in use, ${old} leaves`)
    await run.fleet.stop(old)
  }
  await run.untilMayCall(run.fleet.names)
}

async function addSlowPod(run: Run): Promise<void> {
  const slow = run.fleet.start(WORK_MS * SLOWNESS)
  run.say(`${slow} takes ${WORK_MS * SLOWNESS} ms for a call, the others ${WORK_MS} ms`)
  await run.untilInUse()
  run.beginSteady({ slow })
}

async function restartRegistry(run: Run): Promise<void> {
  run.beginSteady()
  run.say('SIGTERM of the registry')
  await run.registry.stop()
  await comeBackAfter(RESTART_MS, run)
}

async function loseRegistry(run: Run): Promise<void> {
  run.beginSteady()
  run.say('kill -9 of the registry')
  await run.registry.kill()
  await comeBackAfter(OUTAGE_MS, run)
}

async function comeBackAfter(awayMs: number, run: Run): Promise<void> {
  await pause(awayMs, undefined, { signal: run.signal })
  const before = run.watches
  await run.registry.start(run.signal)
  run.say('the registry is back')
  await run.until('the watch of the client', () => run.watches > before)
  run.say('the client watches it again')
}
