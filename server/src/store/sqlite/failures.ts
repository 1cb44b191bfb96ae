import Database from 'better-sqlite3'
import { RegistryError } from '../../model/errors.ts'

/** SQLite's extended result code, `SQLITE_IOERR_WRITE` for example; '' for other errors. */
const codeOf = (error: unknown): string => (error instanceof Database.SqliteError ? error.code : '')

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What to tell whoever starts the registry when its file cannot be opened. */
export function openFailure(error: unknown, file: string): RegistryError {
  if (error instanceof RegistryError) return error
  const code = codeOf(error)
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return unavailable(
      `store file ${file} is in use by another process: stop that process, or give this one another file`,
      error,
    )
  }
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    return unavailable(
      `${file} is not a store or is damaged (${textOf(error)}): restore it from a backup, or give another file`,
      error,
    )
  }
  return unavailable(
    `cannot open store file ${file} (${textOf(error)}): check that its directory exists, can be written and has room`,
    error,
  )
}

/** Errors after which what the disk holds is not certain: only opening the file anew tells. */
const BROKEN = /^SQLITE_(IOERR|CORRUPT|NOTADB|READONLY|CANTOPEN)/

/** Whether the store cannot go on after the error; after others, a full disk say, it can. */
export const isBroken = (error: unknown): boolean => BROKEN.test(codeOf(error))

/** What the callers of a transaction hear that was rolled back. */
export function writeFailure(error: unknown, file: string): RegistryError {
  if (codeOf(error).startsWith('SQLITE_FULL')) {
    return unavailable(`no room to write to store file ${file}: free some, then try again`, error)
  }
  const remedy = isBroken(error) ? 'the store is closed: check the disk, then restart' : 'try again'
  return unavailable(`cannot write to store file ${file} (${textOf(error)}): ${remedy}`, error)
}

/** What everybody hears once the store is closed. */
export const closedFailure = (): RegistryError => unavailable('the store is closed', undefined)

const unavailable = (message: string, cause: unknown): RegistryError =>
  new RegistryError('UNAVAILABLE', message, { cause })
