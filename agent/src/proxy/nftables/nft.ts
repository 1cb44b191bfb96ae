import { CommandError, runCommand } from './command.ts'
import { DIALECTS, type Dialect, TABLE, TABLE_COMMENT } from './dialect.ts'
import type { Found, FoundByFamily } from './ruleset.ts'

/** Runs a script as one transaction. Throws CommandError; then nothing has changed. */
export async function applyScript(script: Iterable<string>, signal?: AbortSignal): Promise<void> {
  await runCommand(['nft', '-f', '-'], script, signal)
}

/** Whether the kernel and nft would take the script. Throws CommandError. */
export async function checkScript(script: Iterable<string>): Promise<void> {
  await runCommand(['nft', '-c', '-f', '-'], script)
}

/** What our tables hold by now. Throws when a table of that name is not ours. */
export async function findTables(): Promise<FoundByFamily> {
  const [ip, ip6] = await Promise.all([findTable(DIALECTS[4]), findTable(DIALECTS[6])])
  return { ip, ip6 }
}

/**
 * Whether the tables are still there: somebody may have flushed the whole ruleset.
 * Asks for a change without making it; to list tables nft reads everything in them.
 */
export async function hasTables(): Promise<boolean> {
  const script = Object.values(DIALECTS).map(
    ({ family }) => `flush chain ${family} ${TABLE} dispatch\n`,
  )
  try {
    await checkScript(script)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

async function findTable({ family }: Dialect): Promise<Found> {
  let text: string
  try {
    text = await runCommand(['nft', '-t', 'list', 'table', family, TABLE], [])
  } catch (error) {
    if (isMissing(error)) return { chains: [], sets: [] }
    throw error
  }
  if (!text.includes(`\n\tcomment "${TABLE_COMMENT}"\n`)) {
    throw new CommandError(
      `table ${family} ${TABLE} is not of a Roster agent: delete or rename it, or run the agent with the userspace proxy`,
    )
  }
  const names = (kind: string) =>
    [...text.matchAll(new RegExp(`^\\t(?:${kind}) (\\S+) \\{$`, 'gm'))].flatMap(
      ([, name]) => name ?? [],
    )
  return { chains: names('chain'), sets: names('set|map') }
}

const isMissing = (error: unknown): boolean =>
  error instanceof CommandError && error.message.includes('No such file or directory')
