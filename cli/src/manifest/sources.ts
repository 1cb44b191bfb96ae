import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError } from '../errors.ts'
import type { Terminal } from '../terminal.ts'
import { type ManifestObject, readManifests, type Source } from './read.ts'

const MANIFEST_FILE = /\.(?:ya?ml|json)$/

/**
 * Reads the objects of files, of the manifests in directories (by name, not those
 * further below) and, for `-`, of standard input. Throws CommandError with a
 * line for everything that is wrong, so that nothing is sent of what is wrong in part.
 */
export async function loadManifests(
  paths: readonly string[],
  terminal: Terminal,
): Promise<readonly ManifestObject[]> {
  const sources: Source[] = []
  for (const path of paths) {
    if (path === '-') sources.push({ name: 'standard input', text: await terminal.input() })
    else sources.push(...filesOf(path).map(readSource))
  }
  const { objects, problems } = readManifests(sources)
  if (problems.length > 0) throw new CommandError(problems.join('\nerror: '))
  if (objects.length === 0) throw new CommandError(`there is no object in ${paths.join(', ')}`)
  return objects
}

function filesOf(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .filter((name) => MANIFEST_FILE.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function readSource(path: string): Source {
  try {
    return { name: path, text: readFileSync(path, 'utf8') }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

const unreadable = (path: string, cause: unknown): CommandError =>
  new CommandError(`cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`)
