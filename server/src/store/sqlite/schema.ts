import { randomUUID } from 'node:crypto'
import Database from 'better-sqlite3'
import { RegistryError } from '../../model/errors.ts'
import { openFailure } from './failures.ts'
import { VIEWS } from './views.ts'

export type Connection = Database.Database

/** `ROST` in ASCII: marks the file as ours (https://www.sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x524f5354

/** Pages in the write-ahead log before they are copied into the file: 16 MB, some 20 ms of copying. */
const CHECKPOINT_PAGES = 4000

const CACHE_KIB = 32 * 1024

/**
 * How a file comes to today's form, one step per version; never change a step
 * that has been released. `change` holds every value once: as history, and for
 * as long as `entry` points at it as the present. Ids of `change` have no gaps
 * above `store.trimmed_change`; at and below it only present values are left.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE store (
     id TEXT NOT NULL,
     trimmed_change INTEGER NOT NULL,
     trimmed_revision INTEGER NOT NULL
   );
   CREATE TABLE change (
     id INTEGER PRIMARY KEY,
     revision INTEGER NOT NULL,
     key TEXT NOT NULL,
     value TEXT,
     time_ms INTEGER NOT NULL,
     actor TEXT NOT NULL,
     reason TEXT NOT NULL
   );
   CREATE TABLE entry (
     id INTEGER PRIMARY KEY,
     key TEXT NOT NULL UNIQUE,
     revision INTEGER NOT NULL,
     change_id INTEGER NOT NULL,
     lease TEXT
   );
   CREATE INDEX entry_lease ON entry (lease) WHERE lease IS NOT NULL;
   CREATE TABLE lease (
     id TEXT PRIMARY KEY,
     ttl_ms INTEGER NOT NULL
   ) WITHOUT ROWID;`,
]

/**
 * Opens the store's file, or makes it, and brings it to today's form. `:memory:`
 * is a store that ends with the process. The file belongs to this connection
 * alone until it is closed. Fails with UNAVAILABLE, at once, when another
 * process has it, when a newer program wrote it or when it is not a store.
 */
export function openDatabase(file: string): Connection {
  let connection: Connection | undefined
  try {
    connection = new Database(file, { timeout: 0 })
    connection.pragma('locking_mode = EXCLUSIVE')
    checkOwner(connection, file)
    connection.pragma('journal_mode = WAL')
    connection.pragma('synchronous = FULL')
    connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    connection.pragma(`cache_size = -${CACHE_KIB}`)
    connection.transaction(migrate).immediate(connection, file)
    return connection
  } catch (error) {
    connection?.close()
    throw openFailure(error, file)
  }
}

/** The id that was made together with the file. */
export function storeId(connection: Connection): string {
  return connection.prepare<[], string>('SELECT id FROM store').pluck().get() ?? ''
}

/** A database of some other program must not become ours. */
function checkOwner(connection: Connection, file: string): void {
  if (connection.pragma('application_id', { simple: true }) === APPLICATION_ID) return
  const tables = connection.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get()
  if (tables === 0) return
  throw new RegistryError(
    'UNAVAILABLE',
    `${file} is a database of another program: give the store a file of its own`,
  )
}

function migrate(connection: Connection, file: string): void {
  const version = Number(connection.pragma('user_version', { simple: true }))
  if (version > MIGRATIONS.length) {
    throw new RegistryError(
      'UNAVAILABLE',
      `store file ${file} has version ${version} and this program knows versions up to ` +
        `${MIGRATIONS.length}: start the newer program that wrote it`,
    )
  }
  for (const step of MIGRATIONS.slice(version)) connection.exec(step)
  if (version === 0) {
    connection.pragma(`application_id = ${APPLICATION_ID}`)
    connection.prepare('INSERT INTO store VALUES (?, 0, 0)').run(randomUUID())
  }
  connection.pragma(`user_version = ${MIGRATIONS.length}`)
  // Views hold no data: made anew at each start, they always are this program's.
  const views = connection.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'view'")
  for (const name of views.pluck().all()) connection.exec(`DROP VIEW ${name}`)
  for (const [name, select] of Object.entries(VIEWS)) {
    connection.exec(`CREATE VIEW ${name} AS ${select}`)
  }
}
