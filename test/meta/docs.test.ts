import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { root } from '../support/checkout.ts'

/** What strangers import, as their editor sees it. */
const ENTRIES = ['index', 'prometheus', 'opentelemetry'].map(
  (name) => [name, join(root, `client/dist/${name}.d.ts`)] as const,
)

/** A program of files, some of which are on no disk. */
function parse(files: readonly string[], planted: ReadonlyMap<string, string> = new Map()) {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
  }
  const host = ts.createCompilerHost(options)
  const { fileExists, getSourceFile } = host
  host.fileExists = (name) => planted.has(name) || fileExists(name)
  host.getSourceFile = (name, ...rest) => {
    const text = planted.get(name)
    if (text === undefined) return getSourceFile(name, ...rest)
    // What makes it an ES module: see ts.CreateSourceFileOptions.
    const impliedNodeFormat = ts.ModuleKind.ESNext
    return ts.createSourceFile(name, text, {
      languageVersion: options.target ?? 99,
      impliedNodeFormat,
    })
  }
  return ts.createProgram([...files], options, host)
}

/** Exported symbols and their members that have no description. */
function undocumented(program: ts.Program, file: string): readonly string[] {
  const checker = program.getTypeChecker()
  const isDescribed = (symbol: ts.Symbol) => symbol.getDocumentationComment(checker).length > 0
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (!module) throw new Error(`${file} exports nothing: build first`)
  return checker.getExportsOfModule(module).flatMap((exported) => {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported
    const members = membersOf(symbol, checker).filter((member) => !isDescribed(member))
    return [
      ...(isDescribed(symbol) ? [] : [symbol.name]),
      ...members.map((member) => `${symbol.name}.${member.name}`),
    ]
  })
}

/** What an object type or a class has in public, static and inherited members too; of ours alone. */
function membersOf(symbol: ts.Symbol, checker: ts.TypeChecker): readonly ts.Symbol[] {
  const type = checker.getDeclaredTypeOfSymbol(symbol)
  // The cases of a union are described where they stand, by comments that belong to no symbol.
  const own = type.isUnion() ? [] : checker.getPropertiesOfType(type)
  return [...own, ...(symbol.exports?.values() ?? [])].filter((member) => {
    const [declaration] = member.declarations ?? []
    if (!declaration || !isMember(declaration)) return false
    if (declaration.getSourceFile().fileName.includes('/node_modules/')) return false
    const name = ts.getNameOfDeclaration(declaration)
    // Well-known symbols, as Symbol.asyncIterator, explain themselves.
    if (!name || ts.isPrivateIdentifier(name) || ts.isComputedPropertyName(name)) return false
    return (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) === 0
  })
}

const isMember = (node: ts.Declaration): boolean =>
  ts.isPropertySignature(node) ||
  ts.isMethodSignature(node) ||
  ts.isPropertyDeclaration(node) ||
  ts.isMethodDeclaration(node) ||
  ts.isGetAccessor(node)

const program = parse(ENTRIES.map(([, file]) => file))

describe('the documentation of the SDK', () => {
  test.each(ENTRIES)('describes every symbol and member of %s', (_, file) => {
    expect(undocumented(program, file)).toEqual([])
  })

  test('is missed where it is missing', () => {
    const text = `
      /** Described. */
      export declare class Good {
        /** Described. */
        readonly a: number
        #hidden
        private b: number
      }
      export interface Bad {
        readonly c: number
        /** Described. */
        d(): void
        e(): void
      }
      /** Described. */
      export declare class Half {
        static f(): void
        get g(): number
      }
      export declare function h(): void
    `
    const planted = new Map([['planted.d.ts', text]])

    const missed = undocumented(parse(['planted.d.ts'], planted), 'planted.d.ts')

    expect([...missed].sort()).toEqual(['Bad', 'Bad.c', 'Bad.e', 'Half.f', 'Half.g', 'h'])
  })
})

describe('docs/sdk.md', () => {
  const guide = () => readFile(join(root, 'docs/sdk.md'), 'utf8')

  /** What its programs have besides their own. */
  const SURROUNDINGS = `
    import type { Client, ChannelCredentials, ChannelOptions } from '@grpc/grpc-js'
    import type { Roster } from '@roster/client'
    declare global {
      var roster: Roster
      var db: { isConnected(): boolean }
      var GreeterClient: new (target: string, credentials: ChannelCredentials, options: ChannelOptions) => Client
    }
  `

  test('has programs that compile', async () => {
    const blocks = [...(await guide()).matchAll(/^```ts\n([\s\S]*?)^```/gm)]
    const files = new Map(
      // Where the examples are, so that they find the greeter; each a module.
      [SURROUNDINGS, ...blocks.map(([, text]) => `${text}\nexport {}`)].map(
        (text, i) => [join(root, `examples/src/guide-${i}.ts`), text] as const,
      ),
    )

    const guided = parse([...files.keys()], files)

    const faults = ts.getPreEmitDiagnostics(guided).map(({ file, messageText }) => ({
      program: file?.text,
      fault: ts.flattenDiagnosticMessageText(messageText, '\n'),
    }))
    expect(blocks.length).toBeGreaterThan(5)
    expect(faults).toEqual([])
  })

  /** The names in the first column of the table below `<!-- name -->`. */
  const listed = (text: string, name: string): readonly string[] => {
    const [, table = ''] = new RegExp(`<!-- ${name} -->\\n((?:\\|.*\\n)+)`).exec(text) ?? []
    const rows = table.split('\n').slice(2)
    return rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, id]) => id!),
    )
  }

  /** Properties of a type, inherited ones too. */
  const propertiesOf = (name: string): readonly string[] => {
    const checker = program.getTypeChecker()
    const source = program.getSourceFile(ENTRIES[0]![1])
    const module = source && checker.getSymbolAtLocation(source)
    const exported = module && checker.getExportsOfModule(module).find((one) => one.name === name)
    if (!exported) throw new Error(`${name} is not exported`)
    const type = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(exported))
    return checker.getPropertiesOfType(type).map((property) => property.name)
  }

  test.each([
    'RosterOptions',
    'CallPreferences',
    'RetryPreference',
    'HedgingPreference',
    'EjectionPreference',
    'RegisterOptions',
    'DrainOptions',
  ])('lists every option of %s and no other', async (name) => {
    const properties = propertiesOf(name)

    expect([...listed(await guide(), name)].sort()).toEqual([...properties].sort())
  })
})
