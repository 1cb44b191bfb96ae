import type { Context, ExitCode } from '../context.ts'
import { explain, isNotFound, UsageError } from '../errors.ts'
import { type Kind, parseTargets, singular } from '../kinds.ts'
import { loadManifests } from '../manifest/sources.ts'
import { resource } from '../resources/by-kind.ts'
import type { Named } from '../resources/resource.ts'
import { namespaceOf } from './apply.ts'

export interface DeleteFlags {
  readonly filename?: readonly string[]
  readonly ignoreNotFound?: boolean
}

interface Doomed extends Named {
  readonly kind: Kind
}

/** `roster delete`: deletes objects; pods are deregistered. */
export async function deleteObjects(
  words: readonly string[],
  flags: DeleteFlags,
  context: Context,
): Promise<ExitCode> {
  const { connection, terminal } = context
  let code: ExitCode = 0
  for (const { kind, ...named } of await doomedOf(words, flags, context)) {
    try {
      await resource(kind, connection).delete(named)
      terminal.out(`${singular(kind)} "${named.name}" deleted\n`)
    } catch (error) {
      if (isNotFound(error) && flags.ignoreNotFound) continue
      terminal.err(`error: ${explain(error, connection.address)}\n`)
      code = 1
    }
  }
  return code
}

async function doomedOf(
  words: readonly string[],
  { filename }: DeleteFlags,
  context: Context,
): Promise<readonly Doomed[]> {
  if (filename !== undefined) {
    if (words.length > 0) throw new UsageError('name objects or give files with -f, not both')
    const objects = await loadManifests(filename, context.terminal)
    return objects.map((object) => ({
      kind: object.kind,
      name: object.meta.name,
      namespace: namespaceOf(object, context),
    }))
  }
  if (words.length === 0) throw new UsageError('name what to delete: KIND NAME..., or -f FILE')
  return parseTargets(words).map(({ kind, name }) => {
    if (name === undefined) throw new UsageError(`name the ${kind} to delete`)
    return { kind, name, namespace: context.namespace }
  })
}
