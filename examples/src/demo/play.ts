import { join } from 'node:path'
import { connectRoster } from '@roster/client'
import { greeterManifest } from '../greeter.ts'
import { type PhaseScript, playPhase } from './phases.ts'
import { Registry } from './registry.ts'
import { Run, type Stage } from './run.ts'
import type { Phase } from './verdict.ts'

/**
 * Plays these phases, with calls going on all the time. Rejects when something does
 * not come up or end as it should; failed calls do not stop it, they are in the
 * phases it resolves to.
 */
export async function play(
  stage: Stage,
  scripts: readonly PhaseScript[],
): Promise<readonly Phase[]> {
  const registry = new Registry(stage.children, join(stage.directory, 'roster.db'))
  await registry.start(stage.signal)
  let watches = 0
  const roster = connectRoster(registry.address, {
    onEvent: ({ type }) => {
      if (type === 'watching') watches += 1
    },
  })
  const run = new Run({ stage, registry, roster, watches: () => watches })
  try {
    await roster.catalog.applyService({ service: greeterManifest })
    for (const script of scripts) await playPhase(run, script)
    await run.finish()
  } finally {
    run.close()
    await roster.close()
  }
  return run.phases
}
