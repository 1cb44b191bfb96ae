import { applyObject } from '../apply-object.ts'
import type { Context, ExitCode } from '../context.ts'
import { CommandError, explain } from '../errors.ts'
import { printName } from '../kinds.ts'
import type { ManifestObject } from '../manifest/read.ts'
import { loadManifests } from '../manifest/sources.ts'

export interface ApplyFlags {
  readonly filename: readonly string[]
  readonly dryRun?: boolean
}

/** `roster apply`: makes the registry hold what the manifests say. */
export async function apply(flags: ApplyFlags, context: Context): Promise<ExitCode> {
  const { connection, terminal } = context
  const objects = await loadManifests(flags.filename, terminal)
  const namespaces = objects.map((object) => namespaceOf(object, context))
  const remark = flags.dryRun ? ' (dry run)' : ''
  let code: ExitCode = 0
  for (const [i, object] of objects.entries()) {
    const name = printName(object.kind, object.meta.name)
    try {
      const mode = flags.dryRun ? 'dry-run' : 'store'
      const outcome = await applyObject(object, namespaces[i] ?? '', mode, connection)
      terminal.out(`${name} ${outcome}${remark}\n`)
    } catch (error) {
      terminal.err(`error: ${name} (${object.where}): ${explain(error, connection.address)}\n`)
      code = 1
    }
  }
  return code
}

/** Where an object of a manifest belongs. Throws CommandError when a flag says something else. */
export function namespaceOf(
  { kind, meta, where }: ManifestObject,
  { namespace, namespaceFlag }: Context,
): string {
  if (namespaceFlag !== undefined && meta.namespace !== '' && meta.namespace !== namespaceFlag) {
    throw new CommandError(
      `${where}: ${printName(kind, meta.name)} is of namespace ${meta.namespace}, not ${namespaceFlag}: leave one of the two out`,
    )
  }
  return meta.namespace || namespace
}
