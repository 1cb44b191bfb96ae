import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Children } from './children.ts'
import { PHASE_SCRIPTS, type PhaseScript } from './phases.ts'
import { play } from './play.ts'
import { printSummary } from './summary.ts'
import { problemsOf, reportOf } from './verdict.ts'

const USAGE = `usage: npm run demo -- [--phase NAME] [--json]

Starts a registry, greeter pods and a client that calls them all the time, and does
to them what happens to services. Ends with exit code 0 only if no call failed (but
for those that a pod took with it when it was made to stand still), and every ready
pod got calls.

  --phase NAME  play only this phase
  --json        print the result as one line of JSON, and what happens to stderr
  --help        print this

phases, in the order they are played:
${PHASE_SCRIPTS.map(({ name, about }) => `  ${name.padEnd(21)}${about}\n`).join('')}`

/** How long processes get to end by themselves when the demo is broken off. */
const BREAK_OFF_GRACE_MS = 3_000

/** Why the demo was broken off: somebody asked. */
class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`)
    // As shells have it.
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** Exit code for a command line that is wrong. */
const USAGE_ERROR = 2

interface Wishes {
  readonly json: boolean
  readonly help: boolean
  readonly scripts: readonly PhaseScript[]
}

/** What the command line asks for. Throws when that is nothing the demo knows. */
function wishes(): Wishes {
  const {
    json = false,
    help = false,
    phase,
  } = parseArgs({
    options: {
      phase: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  }).values
  const scripts = PHASE_SCRIPTS.filter(({ name }) => phase === undefined || name === phase)
  if (scripts.length > 0) return { json, help, scripts }
  const names = PHASE_SCRIPTS.map(({ name }) => `'${name}'`).join(', ')
  throw new Error(`there is no phase '${phase}': use one of ${names}`)
}

async function main(): Promise<number> {
  let wanted: Wishes
  try {
    wanted = wishes()
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`)
    return USAGE_ERROR
  }
  if (wanted.help) {
    process.stdout.write(USAGE)
    return 0
  }
  return perform(wanted)
}

async function perform({ json, scripts }: Wishes): Promise<number> {
  const out = json ? process.stderr : process.stdout
  const end = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => end.abort(new Interrupted(name)))
  }
  // Also what a closed pipe behind stdout comes to: nothing may be left behind then.
  process.on('uncaughtException', (error) => end.abort(error))

  const directory = await mkdtemp(join(tmpdir(), 'roster-demo-'))
  const children = new Children()
  const signal = AbortSignal.any([end.signal, children.failure])
  try {
    const phases = await play({ children, directory, out, signal }, scripts)
    const problems = problemsOf(phases)
    printSummary(out, phases, problems)
    if (json) process.stdout.write(`${JSON.stringify(reportOf(phases))}\n`)
    return problems.length === 0 ? 0 : 1
  } catch (error) {
    // What broke the demo off, rather than what that broke in turn.
    const reason = signal.aborted ? signal.reason : error
    process.stderr.write(`demo: ${reason instanceof Error ? reason.message : reason}\n`)
    return reason instanceof Interrupted ? reason.exitCode : 1
  } finally {
    await children.stopAll(BREAK_OFF_GRACE_MS)
    await rm(directory, { recursive: true, force: true })
  }
}

process.exitCode = await main()
