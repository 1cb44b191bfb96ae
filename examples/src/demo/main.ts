import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Children } from './children.ts'
import { play } from './play.ts'
import { printSummary } from './summary.ts'
import { problemsOf, reportOf } from './verdict.ts'

const USAGE = `usage: npm run demo -- [--json]

Starts a registry, three greeter pods and a client that calls them all the time;
scales to six, to two, and restarts the registry. Ends with exit code 0 only if
no call failed and every ready pod got its share of the calls.

  --json  print the result as one line of JSON, and what happens to stderr
`

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

async function main(): Promise<number> {
  const { values: flags } = parseArgs({
    options: { json: { type: 'boolean' }, help: { type: 'boolean' } },
  })
  if (flags.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const out = flags.json ? process.stderr : process.stdout
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
    const phases = await play({ children, directory, out, signal })
    const problems = problemsOf(phases)
    printSummary(out, phases, problems)
    if (flags.json) process.stdout.write(`${JSON.stringify(reportOf(phases))}\n`)
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
