import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A self-signed certificate, its own authority, and its key, both PEM. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
}

/** Makes a certificate for these alternative names, e.g. `DNS:echo.demo` or `IP:127.0.0.1`. */
export async function certificateFor(...names: readonly string[]): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), 'roster-tls-'))
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  try {
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '1', '-subj', '/CN=roster-test', '-addext', `subjectAltName=${names.join()}`],
      ...['-keyout', key, '-out', cert],
    ])
    return { cert: await readFile(cert), key: await readFile(key) }
  } finally {
    await rm(directory, { recursive: true })
  }
}
