import type { Context, ExitCode } from '../context.ts'
import { explain, isNotFound, UsageError } from '../errors.ts'
import { type Kind, parseTargets, printName, type Target } from '../kinds.ts'
import { listOf, toJson, toYaml } from '../print/serialised.ts'
import { table } from '../print/table.ts'
import { COLUMNS, resource } from '../resources/by-kind.ts'
import type { Item, TableStyle } from '../resources/resource.ts'

export const OUTPUTS = ['table', 'wide', 'json', 'yaml', 'name'] as const
export type Output = (typeof OUTPUTS)[number]

/** Flags of `get` and `describe` that choose objects. */
export interface Choice {
  readonly allNamespaces?: boolean
  readonly selector?: string
}

export interface GetFlags extends Choice {
  readonly output: Output
}

interface Found {
  readonly kind: Kind
  readonly item: Item
}

/** `roster get`: shows objects. */
export async function get(
  words: readonly string[],
  flags: GetFlags,
  context: Context,
): Promise<ExitCode> {
  const targets = parseTargets(words)
  const { found, missing } = await find(targets, flags, context)
  const [first] = targets
  const alone = targets.length === 1 && first?.name !== undefined
  context.terminal.out(print(found, alone ? 'object' : 'list', flags, context))
  if (found.length === 0 && missing.length === 0 && !isData(flags.output)) {
    context.terminal.err(`${nothing(flags, context)}\n`)
  }
  for (const line of missing) context.terminal.err(`error: ${line}\n`)
  return missing.length === 0 ? 0 : 1
}

/** The objects there are, and a line for each that there is not. */
export async function find(
  targets: readonly Target[],
  choice: Choice,
  { connection, namespace }: Context,
): Promise<{ readonly found: readonly Found[]; readonly missing: readonly string[] }> {
  const found: Found[] = []
  const missing: string[] = []
  for (const { kind, name } of targets) {
    const objects = resource(kind, connection)
    if (name === undefined) {
      const query = {
        namespace: choice.allNamespaces ? '' : namespace,
        selector: choice.selector ?? '',
      }
      found.push(...(await objects.list(query)).map((item) => ({ kind, item })))
      continue
    }
    refuseChoice(choice)
    try {
      found.push({ kind, item: await objects.get({ namespace, name }) })
    } catch (error) {
      if (!isNotFound(error)) throw error
      missing.push(explain(error, connection.address))
    }
  }
  return { found, missing }
}

function refuseChoice(choice: Choice): void {
  if (choice.allNamespaces) throw new UsageError('an object of a name is in one namespace: no -A')
  if (choice.selector !== undefined) {
    throw new UsageError('choose objects by name or by selector, not both')
  }
}

const isData = (output: Output): boolean => output === 'json' || output === 'yaml'

/** What is said when there is nothing to show. */
export const nothing = (choice: Choice, { namespace }: Context): string =>
  choice.allNamespaces ? 'No resources found' : `No resources found in ${namespace} namespace.`

function print(
  found: readonly Found[],
  shape: 'object' | 'list',
  flags: GetFlags,
  { terminal }: Context,
): string {
  const { output } = flags
  if (output === 'name') {
    return found.map(({ kind, item }) => `${printName(kind, item.name)}\n`).join('')
  }
  if (output === 'table' || output === 'wide') {
    return tables(found, output, flags, terminal.now())
  }
  const manifests = found.map(({ item }) => item.manifest())
  const [first] = manifests
  if (shape === 'object' && first === undefined) return ''
  const value = shape === 'object' ? first : listOf(manifests)
  return output === 'json' ? toJson(value) : toYaml(value)
}

/** One table for each kind, in the order in which they were asked for. */
function tables(found: readonly Found[], style: TableStyle, choice: Choice, nowMs: number): string {
  const byKind = new Map<Kind, Item[]>()
  for (const { kind, item } of found) {
    const items = byKind.get(kind) ?? []
    items.push(item)
    byKind.set(kind, items)
  }
  const texts = [...byKind].map(([kind, items]) => {
    const header = COLUMNS[kind][style]
    const rows = [header, ...items.map((item) => item.cells(style, nowMs))]
    if (!choice.allNamespaces) return table(rows)
    const namespaces = ['NAMESPACE', ...items.map((item) => item.namespace)]
    return table(rows.map((row, i) => [namespaces[i] ?? '', ...row]))
  })
  return texts.join('\n')
}
