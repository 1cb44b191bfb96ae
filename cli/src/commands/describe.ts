import type { Context, ExitCode } from '../context.ts'
import { parseTargets } from '../kinds.ts'
import { type Choice, find, nothing } from './get.ts'

/** `roster describe`: all that is known of objects, for people. */
export async function describe(
  words: readonly string[],
  choice: Choice,
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context
  const { found, missing } = await find(parseTargets(words), choice, context)
  const texts: string[] = []
  for (const { item } of found) texts.push(await item.description())
  terminal.out(texts.join('\n\n'))
  if (found.length === 0 && missing.length === 0) terminal.err(`${nothing(choice, context)}\n`)
  for (const line of missing) terminal.err(`error: ${line}\n`)
  return missing.length === 0 ? 0 : 1
}
