import { affinitySetType } from './balance-rules.ts'
import { type BaseRulesOptions, baseChains, elementSets } from './base-rules.ts'
import type { Block, Element } from './block.ts'
import { DIALECTS, type Dialect, TABLE, TABLE_COMMENT } from './dialect.ts'

/** Names of what is in a table, whoever put it there. */
export interface Found {
  readonly chains: readonly string[]
  /** Sets and maps. */
  readonly sets: readonly string[]
}

export type FoundByFamily = Readonly<Record<Dialect['family'], Found>>

interface Use {
  readonly dialect: Dialect
  readonly element: Element
  count: number
}

/**
 * The blocks of all frontends, and the nft scripts that bring the kernel to them. A
 * script is one transaction: all of it takes effect at once, or nothing.
 */
export class Ruleset {
  readonly #options: BaseRulesOptions
  readonly #blocks = new Map<string, Block>()
  /** Elements by family, set, key and verdict; frontends share some. */
  readonly #uses = new Map<string, Use>()

  constructor(options: BaseRulesOptions) {
    this.#options = options
  }

  /**
   * Takes new blocks by key of the frontend; undefined: it has none any more. Answers
   * what makes the script that leads from the former blocks to these.
   */
  update(changes: ReadonlyMap<string, Block | undefined>): () => string {
    const before: Block[] = []
    const after: Block[] = []
    for (const [key, block] of changes) {
      const known = this.#blocks.get(key)
      if (known) before.push(known)
      if (block) after.push(block)
      if (block) this.#blocks.set(key, block)
      else this.#blocks.delete(key)
    }
    const { added, removed } = this.#count(before, after)
    return () => deltaScript(before, after, added, removed)
  }

  /**
   * The script that leads from anything to the blocks. It takes over what is there
   * instead of making the table anew, because with the table would go the clients that
   * backends remember, and a table that is gone cuts the connections it translates. In
   * parts, because it may be long.
   */
  *full(found: FoundByFamily): Generator<string> {
    const blocks = [...this.#blocks.values()]
    const names = namesOf(blocks)
    const dialects = Object.values(DIALECTS)
    yield lines(dialects.flatMap((dialect) => this.#base(dialect)))
    yield lines(declarations([...names.sets.values()], [...names.chains.values()]))
    for (const block of blocks) yield lines(rulesOf(block))
    yield lines(elementCommands('add element', [...this.#uses.values()], withVerdict))
    for (const dialect of dialects) yield lines(this.#deleteStale(dialect, found, names))
  }

  #deleteStale(dialect: Dialect, found: FoundByFamily, names: Names): readonly string[] {
    const { chains, sets } = found[dialect.family]
    const baseChainNames = new Set(baseChains(dialect, this.#options).map(({ name }) => name))
    const setNames: ReadonlySet<string> = new Set(elementSets(dialect).keys())
    const stale = (found: readonly string[], fixed: ReadonlySet<string>, wanted: ByName) =>
      found
        .map((name) => ({ dialect, name }))
        .filter((one) => !fixed.has(one.name) && !wanted.has(keyOf(one)))
    return deletions(stale(chains, baseChainNames, names.chains), stale(sets, setNames, names.sets))
  }

  #base(dialect: Dialect): readonly string[] {
    const sets = elementSets(dialect)
    const chains = baseChains(dialect, this.#options)
    return [
      `add table ${dialect.family} ${TABLE} { comment "${TABLE_COMMENT}"; }`,
      ...[...sets].map(([name, { kind, type }]) =>
        command(`add ${kind}`, dialect, `${name} { type ${type}; }`),
      ),
      // Takes the rules of all chains, and leaves what sets remember.
      `flush table ${dialect.family} ${TABLE}`,
      ...[...sets].map(([name, { kind }]) => command(`flush ${kind}`, dialect, name)),
      ...chains.map(({ name, hook }) =>
        command('add chain', dialect, hook ? `${name} { ${hook} }` : name),
      ),
      ...chains.flatMap(({ name, rules }) =>
        rules.map((rule) => command('add rule', dialect, `${name} ${rule}`)),
      ),
    ]
  }

  /** Keeps count of who uses which element; answers those that came and those that went. */
  #count(before: readonly Block[], after: readonly Block[]) {
    const was = new Map<Use, number>()
    const touch = (blocks: readonly Block[], by: 1 | -1) => {
      for (const { dialect, elements } of blocks) {
        for (const element of elements) {
          const use = this.#use(dialect, element)
          if (!was.has(use)) was.set(use, use.count)
          use.count += by
        }
      }
    }
    touch(before, -1)
    touch(after, 1)
    const touched = [...was]
    const removed = touched.filter(([{ count }, old]) => old > 0 && count === 0)
    const added = touched.filter(([{ count }, old]) => old === 0 && count > 0)
    for (const [use] of touched) if (use.count === 0) this.#uses.delete(useKey(use))
    return { added: added.map(([use]) => use), removed: removed.map(([use]) => use) }
  }

  #use(dialect: Dialect, element: Element): Use {
    const key = useKey({ dialect, element })
    const known = this.#uses.get(key)
    if (known) return known
    const use = { dialect, element, count: 0 }
    this.#uses.set(key, use)
    return use
  }
}

function deltaScript(
  before: readonly Block[],
  after: readonly Block[],
  added: readonly Use[],
  removed: readonly Use[],
): string {
  const [old, young] = [namesOf(before), namesOf(after)]
  // Elements let go of chains before those go, and get them after those have come.
  return lines([
    ...elementCommands('delete element', removed, ({ key }) => key),
    ...[...old.chains.values()].map(({ dialect, name }) => command('flush chain', dialect, name)),
    ...declarations(missingFrom(old.sets, young.sets), missingFrom(old.chains, young.chains)),
    ...after.flatMap(rulesOf),
    ...elementCommands('add element', added, withVerdict),
    ...deletions(missingFrom(young.chains, old.chains), missingFrom(young.sets, old.sets)),
  ])
}

interface Name {
  readonly dialect: Dialect
  readonly name: string
}

type ByName = ReadonlyMap<string, Name>

interface Names {
  readonly chains: ByName
  readonly sets: ByName
}

function namesOf(blocks: readonly Block[]): Names {
  const [chains, sets] = [new Map<string, Name>(), new Map<string, Name>()]
  for (const { dialect, chains: own, affinitySets } of blocks) {
    for (const name of own.keys()) chains.set(keyOf({ dialect, name }), { dialect, name })
    for (const name of affinitySets) sets.set(keyOf({ dialect, name }), { dialect, name })
  }
  return { chains, sets }
}

const keyOf = ({ dialect, name }: Name): string => `${dialect.family} ${name}`

const useKey = ({ dialect, element }: Pick<Use, 'dialect' | 'element'>): string =>
  `${dialect.family} ${element.set} ${withVerdict(element)}`

const missingFrom = (there: ByName, wanted: ByName): readonly Name[] =>
  [...wanted].filter(([key]) => !there.has(key)).map(([, name]) => name)

const command = (verb: string, { family }: Dialect, what: string): string =>
  `${verb} ${family} ${TABLE} ${what}`

const lines = (commands: readonly string[]): string => commands.map((one) => `${one}\n`).join('')

const declarations = (sets: readonly Name[], chains: readonly Name[]): readonly string[] => [
  ...sets.map(({ dialect, name }) =>
    command('add set', dialect, `${name} { ${affinitySetType(dialect.addressType)} }`),
  ),
  ...chains.map(({ dialect, name }) => command('add chain', dialect, name)),
]

/** Chains first: their rules name the sets, and one chain another. */
const deletions = (chains: readonly Name[], sets: readonly Name[]): readonly string[] => [
  ...chains.map(({ dialect, name }) => command('delete chain', dialect, name)),
  ...sets.map(({ dialect, name }) => command('delete set', dialect, name)),
]

const rulesOf = ({ dialect, chains }: Block): readonly string[] =>
  [...chains].flatMap(([chain, rules]) =>
    rules.map((rule) => command('add rule', dialect, `${chain} ${rule}`)),
  )

/** One command for each set: with one for each element nft takes many times as long. */
function elementCommands(
  verb: string,
  uses: readonly Use[],
  textOf: (element: Element) => string,
): readonly string[] {
  const bySet = new Map<string, string[]>()
  for (const { dialect, element } of uses) {
    const set = command(verb, dialect, element.set)
    const texts = bySet.get(set) ?? []
    texts.push(textOf(element))
    bySet.set(set, texts)
  }
  return [...bySet].map(([set, texts]) => `${set} { ${texts.join(', ')} }`)
}

const withVerdict = ({ key, verdict }: Element): string => (verdict ? `${key} : ${verdict}` : key)
